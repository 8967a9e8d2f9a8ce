"""The functions that every contender runs.

Rivals pickle a function by reference, so theirs must be importable from here. Ours travels by
value, as a user's own function would, so `by_value` makes the same bodies inside a function.
"""

import os
import time
from collections.abc import Callable
from typing import NamedTuple


class Functions(NamedTuple):
    """One set of the functions, by reference or by value."""

    noop: Callable[[int], int]
    spin: Callable[[int], int]
    block: Callable[[str], None]
    add: Callable[[int, int], int]


def noop(value: int) -> int:
    """Do nothing; the value comes back so that a mixed-up result is noticed."""
    return value


def spin(loops: int) -> int:
    """Use the CPU for a time that is proportional to `loops`."""
    total = 0
    for step in range(loops):
        total += step & 7
    return total


def block(marker: str) -> None:
    """Say by a file that the job runs, and hold its slot until that file is gone."""
    with open(marker, "w"):
        pass
    while os.path.exists(marker):
        time.sleep(0.05)


def add(left: int, right: int) -> int:
    """One step of a graph of jobs."""
    return left + right


BY_REFERENCE = Functions(noop, spin, block, add)


def by_value() -> Functions:
    """The same bodies as functions that no process can import."""

    def noop(value: int) -> int:
        return value

    def spin(loops: int) -> int:
        total = 0
        for step in range(loops):
            total += step & 7
        return total

    def block(marker: str) -> None:
        with open(marker, "w"):
            pass
        while os.path.exists(marker):
            time.sleep(0.05)

    def add(left: int, right: int) -> int:
        return left + right

    return Functions(noop, spin, block, add)
