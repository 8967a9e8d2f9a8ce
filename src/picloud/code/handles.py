"""Ranges of job ids, in the form in which handles are declared and dependencies are sent."""

from collections.abc import Iterable

from picloud.protocol.limits import MAX_ITEMS


def merged(pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Put ranges of jobs into order, without overlaps, one number after the other.

    Raises:
        ValueError: there are more ranges than one message may hold.
    """
    flat: list[int] = []
    for first, stop in sorted(pairs):
        if flat and first <= flat[-1]:
            flat[-1] = max(flat[-1], stop)
        else:
            flat += (first, stop)
    if len(flat) > MAX_ITEMS:
        raise ValueError(
            f"handles of jobs in more than {MAX_ITEMS // 2} places: jobs that follow each other, "
            "such as those of a map, are one place; name whole maps, or name these in several jobs"
        )
    return flat
