"""What real attempts have used, and results that name jobs."""

from pathlib import Path
from typing import Any

from picloud.protocol.failures import FailureKind
from picloud.protocol.usage import Usage
from picloud_worker.pipe.messages import Raised, Returned


def burning() -> Any:
    """A function that keeps a core busy. It travels by value, as it is made in here."""

    def burn(seconds: float, *, name: str = "n") -> str:
        import time

        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return name

    return burn


def usage_of(message: Returned | Raised) -> Usage:
    """What is reported with an end."""
    usage = Usage.unpacked(message.usage)
    assert usage is not None
    return usage


def usages(bench: Any) -> list[Usage]:
    """What has been reported with all ends."""
    return [usage_of(each) for _, each in bench.said if isinstance(each, Returned | Raised)]


async def test_an_attempt_that_takes_a_while_is_measured_apart(bench: Any) -> None:
    short, long = bench.submit(burning(), (0.0,), (0.05,))
    await bench.result(long)
    assert [one.sequences for one in bench.messages(Returned)] == [[short], [long]]
    before, used = usages(bench)
    assert (before.arguments, used.arguments) == ("", "")  # those who have the payload can read it
    assert 0.04 < used.user + used.system < 1.0
    assert used.profile == ""
    assert used.runtime == bench.messages(Returned)[1].runtimes[0]
    assert before.user + before.system < (used.user + used.system) / 2


async def test_short_attempts_are_measured_together(bench: Any) -> None:
    sequences = bench.submit(burning(), *[(0.0001,)] * 20)
    await bench.result(sequences[-1])
    messages = bench.messages(Returned)
    assert [each for one in messages for each in one.sequences] == sequences
    for one in messages:
        assert usage_of(one).runtime == sum(one.runtimes)
    assert sum(one.user + one.system for one in usages(bench)) > 0.0015
    assert len(messages) < len(sequences)


async def test_what_jobs_use_that_wait_to_be_reported_is_theirs(bench: Any) -> None:
    sequences = bench.submit(burning(), *[(0.002,)] * 20)
    await bench.result(sequences[-1])
    assert sum(one.user + one.system for one in usages(bench)) > 0.035


async def test_what_a_running_job_uses_is_no_share_of_those_before_it(
    bench: Any, tmp_path: Path
) -> None:
    def job(go: str) -> None:
        import os
        import time

        end = time.process_time() + (0.1 if go else 0.0)
        while time.process_time() < end or (go and not os.path.exists(go)):
            time.sleep(0)

    go = tmp_path / "go"
    first, last = bench.submit(job, ("",), (str(go),))
    await bench.is_running(last)
    bench.pool.recall(1)
    assert await bench.result(first) is None
    (before,) = usages(bench)
    assert before.user + before.system < 0.05
    go.touch()
    await bench.result(last)
    used = usages(bench)[-1]
    assert used.user + used.system > 0.09


async def test_arguments_that_only_their_interpreter_can_read_are_put_into_words(
    bench: Any,
) -> None:
    def job(item: Any, say: str) -> None:
        raise ValueError(say)

    class Mine:
        def __repr__(self) -> str:
            print("in its repr")
            return "mine"

    await bench.fail(job, Mine(), "x")
    (used,) = usages(bench)
    assert used.arguments == "mine, 'x'"
    (last,) = bench.submit(job, (3, "y"))
    await bench.failure(last)
    assert usages(bench)[-1].arguments == ""
    assert bench.wrote() == {}


async def test_what_a_repr_raises_is_nothing_but_words(bench: Any) -> None:
    class Rude:
        def __repr__(self) -> str:
            raise GeneratorExit

    def job(item: Any) -> None:
        raise ValueError("ours")

    assert "ours" in (await bench.fail(job, Rude())).message
    assert [one.arguments for one in usages(bench)] == ["[its repr raised GeneratorExit]"]


async def test_a_repr_that_ends_its_process_does_not_change_how_the_job_has_ended(
    bench: Any,
) -> None:
    class Deadly:
        def __repr__(self) -> str:
            import os

            os._exit(7)

    def job(item: Any, seconds: float) -> int:
        import time

        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        return 5

    (sequence,) = bench.submit(job, (Deadly(), 0.01))
    assert await bench.result(sequence) == 5
    assert [one.user + one.system > 0.005 for one in usages(bench)] == [True]


async def test_what_one_has_used_is_known_though_the_next_ends_their_process(bench: Any) -> None:
    def job(way: str) -> str:
        import os
        import time

        end = time.perf_counter() + 0.006
        while time.perf_counter() < end:
            pass
        if way == "out":
            os._exit(7)
        return way

    first, _ = bench.submit(job, ("back",), ("out",))
    assert await bench.result(first) == "back"
    [used] = usages(bench)
    assert used.user + used.system > 0.003


async def test_a_repr_that_forks_leaves_one_process_that_goes_on(bench: Any) -> None:
    class Forking:
        def __repr__(self) -> str:
            import os

            os.fork()
            return "forking"

    def job(item: Any) -> None:
        raise ValueError("ours")

    for _ in range(3):
        await bench.fail(job, Forking())
    assert [one.arguments for one in usages(bench)] == ["forking"] * 3


async def test_short_ones_that_return_are_not_put_into_words_whatever_they_write(
    bench: Any,
) -> None:
    class Costly:
        def __repr__(self) -> str:
            return "costly"

    def job(item: Any) -> None:
        print("done")

    await bench.call(job, Costly())
    await bench.call(job, Costly())
    assert usages(bench)[-1].arguments == ""


async def test_a_timer_of_a_job_does_not_strike_amid_the_repr_of_its_arguments(bench: Any) -> None:
    class Mine:
        def __repr__(self) -> str:
            return "mine"

    def job(item: Any) -> int:
        import signal
        import time

        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)  # a handler takes up to 0.05 ms
        end = time.perf_counter() + 0.006
        while time.perf_counter() < end:
            pass
        return 5

    for _ in range(20):
        assert await bench.call(job, Mine()) == 5
    assert {one.arguments for one in usages(bench)} == {"mine"}


async def test_what_a_repr_writes_is_no_job_s(bench: Any) -> None:
    class Loud:
        def __repr__(self) -> str:
            import os

            os.write(1, b"from a repr")
            return "loud"

    def job(item: Any) -> None:
        raise ValueError("ours")

    _, second = bench.submit(job, (Loud(),), (3,))
    await bench.failure(second)
    assert bench.wrote() == {}


async def test_arguments_that_prove_handles_are_not_put_into_words(bench: Any) -> None:
    class Mine:
        pass

    def job(item: Any, proof: bytes) -> None:
        raise ValueError("ours")

    await bench.fail(job, Mine(), b"picloud.job and a secret")
    assert [one.arguments for one in usages(bench)] == [""]


async def test_a_repr_that_does_not_end_does_not_keep_a_job_from_its_end(bench: Any) -> None:
    class Stuck:
        def __repr__(self) -> str:
            while True:
                pass

    def job(item: Any) -> None:
        raise ValueError("ours")

    assert "ours" in (await bench.fail(job, Stuck())).message
    (used,) = usages(bench)
    assert used.arguments == "[their repr took longer than 0.1 s]"
    assert await bench.call(lambda: 5) == 5


async def test_the_peak_of_memory_is_the_jobs_own_not_that_of_the_one_before(bench: Any) -> None:
    def job(megabytes: int) -> int:
        import time

        held = bytearray(megabytes << 20)
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            pass
        return len(held)

    for megabytes in (300, 0):
        await bench.result(*bench.submit(job, (megabytes,)))
    large, small = usages(bench)
    assert small.peak < 200 << 20 < large.peak


async def test_the_peak_of_children_counts_for_the_job_that_started_them(bench: Any) -> None:
    def job(megabytes: int) -> None:
        import subprocess
        import sys

        subprocess.run([sys.executable, "-c", f"bytearray({megabytes} << 20)"], check=True)

    for megabytes in (300, 0):
        await bench.result(*bench.submit(job, (megabytes,)))
    large, small = usages(bench)
    assert small.peak < 200 << 20 < large.peak


async def test_an_attempt_that_fails_is_measured_however_short(bench: Any) -> None:
    def job(text: str, code: int) -> None:
        raise ValueError(text)

    await bench.fail(job, "no", 3)
    (used,) = usages(bench)
    assert used.peak > 1 << 20


async def test_an_attempt_over_its_memory_limit_is_measured(bench: Any) -> None:
    failure = await bench.fail(lambda: bytearray(1 << 30), memory=50)
    assert failure.kind is FailureKind.MEMORY
    (used,) = usages(bench)
    assert used.peak > 1 << 20


async def test_a_profiled_attempt_has_its_profile_however_short(bench: Any) -> None:
    async def job() -> int:
        return len(sorted(range(3)))

    assert await bench.call(job, profile=True) == 3
    (used,) = usages(bench)
    assert "sorted" in used.profile


async def test_a_result_that_names_jobs_says_which(bench: Any) -> None:
    def job(first: int) -> "Any":
        class Handle:
            def __picloud_handles__(self) -> tuple[None, list[tuple[int, int]]]:
                return None, [(first, first + 2)]

            def __reduce__(self) -> tuple[object, ...]:
                return int, (first,)

        return [Handle()] if first else 0

    sequences = bench.submit(job, (0,), (4,), (0,))
    await bench.result(sequences[2])
    named = {
        sequence: handles
        for each in bench.messages(Returned)
        if each.handles is not None
        for sequence, handles in zip(each.sequences, each.handles, strict=True)
        if handles
    }
    assert named == {sequences[1]: [4, 6]}
    assert await bench.result(sequences[1]) == [4]


async def test_an_exception_that_names_jobs_says_which(bench: Any) -> None:
    def job() -> None:
        class Handle:
            def __picloud_handles__(self) -> tuple[None, list[tuple[int, int]]]:
                return None, [(4, 5)]

            def __reduce__(self) -> tuple[object, ...]:
                return int, (4,)

        raise ValueError(Handle())

    assert (await bench.fail(job)).handles == [4, 5]
