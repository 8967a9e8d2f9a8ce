"""What an attempt has used, measured in this process."""

import pytest

from picloud.protocol.usage import Usage
from picloud_worker.interpreter.usage import MAX_PROFILE, Profiled, UsageMeter, part_of


def work() -> int:
    return sum(number * number for number in range(300_000))


def test_cpu_time_and_memory_are_those_since_the_batch_began() -> None:
    meter = UsageMeter()
    work()
    first, second = meter.read(0.5), meter.read(0.25)
    assert (first.runtime, second.runtime) == (0.5, 0.25)
    assert first.user > 10 * second.user
    assert first.peak > 1 << 20


def test_the_peak_of_memory_is_that_since_the_batch_began() -> None:
    meter, size = UsageMeter(), 200 << 20
    before = meter.read(0.1).peak
    assert len(bytearray(size)) == size
    assert meter.read(0.1).peak > before + size // 2
    assert meter.read(0.1).peak < before + size // 2


def test_the_peak_of_what_was_not_measured_is_forgotten_too() -> None:
    meter, size = UsageMeter(), 200 << 20
    before = meter.read(0.1).peak
    assert len(bytearray(size)) == size
    meter.begin()
    assert meter.read(0.1).peak < before + size // 2


def test_what_is_put_back_is_read_again() -> None:
    meter = UsageMeter()
    meter.put_back(Usage(1.0, 50.0, 70.0, 4096))
    usage = meter.read(1.0)
    assert (usage.user >= 50, usage.system >= 70) == (True, True)
    assert meter.read(1.0).user < 50
    meter.put_back(Usage(1.0, 50.0, 70.0, 4096))
    meter.begin()
    assert meter.read(1.0).user < 50


def test_attempts_that_were_measured_together_share_by_their_run_times() -> None:
    whole = Usage(4.0, 2.0, 1.0, 4096)
    assert part_of(whole, 1.0) == Usage(1.0, 0.5, 0.25, 4096)
    assert part_of(Usage(0.0, 2.0, 1.0, 4096), 0.0) == Usage(0.0, 2.0, 1.0, 4096)


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
