"""What an attempt has used, measured in this process."""

import tracemalloc
from typing import Any

import pytest

from picloud_worker.interpreter.usage import (
    MAX_ARGUMENTS,
    MAX_PROFILE,
    Profiled,
    UsageMeter,
    shown,
)


def work() -> int:
    return sum(number * number for number in range(300_000))


def test_cpu_time_and_memory_are_those_since_the_batch_began() -> None:
    meter = UsageMeter()
    work()
    first = meter.read(7, "1", "")
    second = meter.read(8, "", "table")
    assert (first.sequence, first.arguments, second.profile) == (7, "1", "table")
    assert first.user > 10 * second.user
    assert first.peak > 1 << 20


def test_the_peak_of_memory_is_that_since_the_batch_began() -> None:
    meter, size = UsageMeter(), 200 << 20
    before = meter.read(1, "", "").peak
    assert len(bytearray(size)) == size
    assert meter.read(2, "", "").peak > before + size // 2
    assert meter.read(3, "", "").peak < before + size // 2


def test_the_peak_of_what_was_not_measured_is_forgotten_too() -> None:
    meter, size = UsageMeter(), 200 << 20
    before = meter.read(1, "", "").peak
    assert len(bytearray(size)) == size
    meter.begin()
    assert meter.read(2, "", "").peak < before + size // 2


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, ""),
        ((1, "two"), {"three": [3]}, "1, 'two', three=[3]"),
        ((list(range(1000)),), {}, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...]"),
    ],
)
def test_arguments_read_as_they_might_be_written(args: Any, kwargs: Any, text: str) -> None:
    assert shown(args, kwargs) == text


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda size: [bytes(size)]])
def test_large_bytes_are_not_written_out_to_show_their_ends(kind: Any) -> None:
    argument = kind(64 << 20)
    tracemalloc.start()
    try:
        text = shown((argument,), {"data": argument})
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert text.count("...") == 2
    assert len(text) < MAX_ARGUMENTS


def test_many_arguments_are_cut() -> None:
    text = shown(("x" * 500,) * 100, {})
    assert len(text) == MAX_ARGUMENTS
    assert text.endswith(" ...")


def test_an_argument_that_will_not_be_shown_harms_nothing() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise SystemExit(3)

    assert shown((1, Rude()), {}) == "[their repr raised SystemExit]"


def test_a_profile_names_what_was_called_and_is_taken_once() -> None:
    profiled = Profiled(work, lambda coroutine: None)
    assert profiled() == work()
    table = profiled.take_table()
    assert "work" in table
    assert len(table) <= MAX_PROFILE
    assert profiled.take_table() == ""


def test_a_function_that_raises_is_profiled_too() -> None:
    def fail() -> None:
        work()
        raise ValueError("ours")

    profiled = Profiled(fail, lambda coroutine: None)
    with pytest.raises(ValueError, match="ours"):
        profiled()
    assert "work" in profiled.take_table()
