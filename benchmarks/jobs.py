"""The functions that every contender runs.

Rivals pickle a function by reference, so theirs must be importable from here. Ours travels by
value, as a user's own function would, so `by_value` makes the same bodies inside a function.
"""

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Functions(NamedTuple):
    """One set of the functions, by reference or by value."""

    noop: Callable[[int], int]
    spin: Callable[[int], int]
    block: Callable[[str], None]
    add: Callable[[int, int], int]
    touch: Callable[[Any], int]
    echo: Callable[[Any], Any]
    fresh: Callable[[int, int], Any]


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


def touch(array: Any) -> int:
    """Read one byte of every page of an array."""
    return int(array.view("u1")[::4096].sum())


def echo(array: Any) -> Any:
    """Give an array back, after a look at it."""
    array.view("u1")[::4096].sum()
    return array


def fresh(size: int, number: int) -> Any:
    """Make an array."""
    import numpy as np

    return np.full(size // 8, number + 1)


BY_REFERENCE = Functions(noop, spin, block, add, touch, echo, fresh)


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

    def touch(array: Any) -> int:
        return int(array.view("u1")[::4096].sum())

    def echo(array: Any) -> Any:
        array.view("u1")[::4096].sum()
        return array

    def fresh(size: int, number: int) -> Any:
        import numpy as np

        return np.full(size // 8, number + 1)

    return Functions(noop, spin, block, add, touch, echo, fresh)
