"""What is met on the way while a value is pickled, and must be known of it besides its bytes."""

from collections.abc import Collection, Iterable

from picloud.code.spilled import Keep

HANDLES = "__picloud_handles__"
"""The method by which handles say of which jobs they are (`code.values`)."""

LOADERS = frozenset({"picloud.job"})
"""Whose functions load what each handle is pickled as."""


class Notes:
    """What is met on the way while a value is pickled, and where its large parts go.

    Attributes:
        handles: `first, stop` of each range of jobs whose handles are met.
        roots: the names of the modules that whoever loads the value, or runs a function that
            travels in it, will import.
        origins: what the clouds of these jobs are known by, each with one of its jobs.
        keep: makes blobs of large parts; without it they stay in the pickle.
    """

    __slots__ = ("handles", "keep", "origins", "roots")

    def __init__(self, keep: Keep | None = None) -> None:
        self.handles: list[int] = []
        self.roots: set[str] = set()
        self.origins: dict[str, int] = {}
        self.keep = keep


def note_handles(
    notes: Notes,
    origin: str | None,
    ranges: Iterable[tuple[int, int]],
    roots: Collection[str] = (),
) -> None:
    """Note what an object's `HANDLES` method tells: its cloud, its jobs, the modules it needs."""
    notes.roots.update(roots)
    before = len(notes.handles)
    for each in ranges:
        notes.handles += each
    if origin is not None and len(notes.handles) > before:
        notes.origins[origin] = notes.handles[before]
