"""Cutting long columns into messages of a sensible size."""

from collections.abc import Iterator, Sequence

from picloud.protocol import limits


def pieces(payloads: Sequence[bytes | None]) -> Iterator[slice]:
    """Cut a column into pieces that have neither too many items nor too many bytes.

    A single item over the size is a piece of its own.
    """
    is_small = sum(map(len, filter(None, payloads))) <= limits.FRAME_TARGET
    if payloads and is_small and len(payloads) <= limits.MAX_ITEMS:
        yield slice(0, len(payloads))  # by far the most are
        return
    start, size = 0, 0
    for index, payload in enumerate(payloads):
        length = len(payload) if payload else 0
        full = size + length > limits.FRAME_TARGET or index - start >= limits.MAX_ITEMS
        if full and index > start:
            yield slice(start, index)
            start, size = index, 0
        size += length
    if payloads:
        yield slice(start, len(payloads))
