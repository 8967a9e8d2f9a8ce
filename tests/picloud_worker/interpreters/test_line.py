"""A running job's own use of the cloud, over both sockets, with the test as agent and master."""

import signal
from typing import Any

from picloud.protocol.client_messages import JidsReserved, JobsUnknown, ReserveJids
from picloud.protocol.ids import JobId
from picloud_worker.pipe.line import Asleep, Heard, Said, TooDeep
from picloud_worker.pipe.messages import GaveBack

NEWS = JobsUnknown([JobId(7)])


async def test_what_a_job_says_comes_before_its_end_and_what_it_hears_is_its_own(
    bench: Any,
) -> None:
    def job() -> Any:
        from picloud import inside
        from picloud.protocol.client_messages import ReserveJids

        heard: list[Any] = []

        class Answer:
            def is_set(self) -> bool:
                return bool(heard)

        inside.line.on_heard = heard.extend
        inside.line.say([ReserveJids()])
        inside.line.sleep(Answer(), lends=False)
        return heard[0].first

    (sequence,) = bench.submit(job)
    await bench.until(lambda: bench.spoken(sequence))
    assert bench.spoken(sequence) == [ReserveJids()]
    bench.tell(sequence + 1, JidsReserved(JobId(99), 1, b""))  # of another attempt
    bench.tell(sequence, JidsReserved(JobId(5), 1, b""))
    assert await bench.result(sequence) == 5
    assert [type(each) for _, each in bench.words] == [Said]


def sleeper(seconds: float | None = None) -> list[Any]:
    """Sleep until the master says something; return what it said."""
    from picloud import inside

    heard: list[Any] = []

    class News:
        def is_set(self) -> bool:
            return bool(heard)

    line = inside.line
    assert line is not None
    line.on_heard = heard.extend
    line.sleep(News(), seconds)
    return [type(each).__name__ for each in heard]


async def test_a_job_that_sleeps_says_so_and_wakes_with_what_it_is_told(bench: Any) -> None:
    (sequence,) = bench.submit(sleeper)
    await bench.asleep(sequence)
    assert [each for _, each in bench.words] == [Asleep(sequence, 0)]
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == ["JobsUnknown"]


async def test_before_it_sleeps_a_job_reports_its_neighbours_and_gives_them_back(
    bench: Any,
) -> None:
    def job(kind: str) -> str:
        from picloud import inside

        class Never:
            def is_set(self) -> bool:
                return False

        if kind == "sleeps" and inside.line is not None:
            inside.line.sleep(Never())
        return kind

    before, sleeping, after = bench.submit(job, ("before",), ("sleeps",), ("after",))
    await bench.asleep(sleeping)
    assert list(bench.results()) == [before]
    assert bench.messages(GaveBack) == [GaveBack([after])]


async def test_a_recall_does_not_wake_a_sleeper(bench: Any) -> None:
    (sequence,) = bench.submit(sleeper)
    await bench.asleep(sequence)
    for _ in range(3):
        late = bench.submit(lambda: 1)
        bench.pool.recall(1)
        await bench.until(lambda late=late: GaveBack(late) in bench.messages(GaveBack))
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == ["JobsUnknown"]
    assert len(bench.words) == 1


async def test_one_whose_time_is_over_asks_before_it_goes_on(bench: Any) -> None:
    (sequence,) = bench.submit(sleeper, (0.02,))
    await bench.woke_up(sequence)
    assert bench.results() == {}
    bench.go_on(sequence)
    assert await bench.result(sequence) == []


async def test_where_there_is_no_room_the_wait_is_refused(bench: Any) -> None:
    def job() -> str:
        from picloud import errors, inside

        class Never:
            def is_set(self) -> bool:
                return False

        assert inside.line is not None
        try:
            inside.line.sleep(Never())
        except errors.NestingTooDeep as error:
            return str(error)
        return ""

    (sequence,) = bench.submit(job)
    await bench.asleep(sequence)
    bench.pool.tell(1, [TooDeep(sequence, "no room")])
    assert await bench.result(sequence) == "no room"


async def test_a_signal_handler_raises_through_a_sleep_once_the_job_may_go_on(bench: Any) -> None:
    def job() -> str:
        import signal

        from picloud import inside

        heard: list[Any] = []

        class News:
            def is_set(self) -> bool:
                return bool(heard)

        def ring(_number: int, _frame: Any) -> None:
            raise TimeoutError("rang")

        line = inside.line
        assert line is not None
        line.on_heard = heard.extend
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        try:
            line.sleep(News())
        except TimeoutError:
            line.sleep(News())
        return f"heard {len(heard)}"

    (sequence,) = bench.submit(job)
    await bench.woke_up(sequence)
    bench.go_on(sequence)
    await bench.asleep(sequence, times=2)
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == "heard 1"
    assert signal.SIGALRM  # the job's own, put back by its interpreter
    assert await bench.call(lambda: "after") == "after"


async def test_alarms_without_end_lose_nothing_that_is_said_or_heard(bench: Any) -> None:
    def job(rounds: int) -> int:
        import signal

        from picloud import inside
        from picloud.protocol.client_messages import ReserveJids

        heard: list[Any] = []
        caught = 0

        class Next:
            def __init__(self, count: int) -> None:
                self.count = count

            def is_set(self) -> bool:
                return len(heard) >= self.count

        def ring(_number: int, _frame: Any) -> None:
            raise TimeoutError

        line = inside.line
        assert line is not None
        line.on_heard = heard.extend
        signal.signal(signal.SIGALRM, ring)
        for number in range(1, rounds + 1):
            line.say([ReserveJids()])
            while len(heard) < number:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.000_05 * (number % 7 + 1))
                    line.sleep(Next(number), lends=False)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except TimeoutError:
                    caught += 1
        return len(heard)

    rounds = 500
    (sequence,) = bench.submit(job, (rounds,))
    for number in range(1, rounds + 1):
        await bench.until(lambda number=number: len(bench.words) >= number)
        bench.tell(sequence, JidsReserved(JobId(number), 1, bytes(3000)))
    assert await bench.result(sequence) == rounds


async def test_what_an_attempt_did_not_hear_does_not_reach_the_next(bench: Any) -> None:
    def deaf() -> None:
        from picloud import inside

        assert inside.line is not None
        inside.line.session = "of the first"

    (first,) = bench.submit(deaf)
    await bench.result(first)
    bench.tell(first, NEWS)

    def next_one() -> Any:
        from picloud import inside

        line = inside.line
        assert line is not None
        before = line.session, line.on_heard, set(line.awaited)
        return before

    assert await bench.call(next_one) == (None, None, set())
    (sequence,) = bench.submit(sleeper)
    await bench.asleep(sequence)
    bench.pool.tell(1, [Heard(first, b"not even a frame")])
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == ["JobsUnknown"]


async def test_a_child_that_a_job_forks_cannot_use_the_line(bench: Any) -> None:
    def job() -> str:
        import os

        from picloud import errors, inside

        line = inside.line
        assert line is not None
        there, here = os.pipe()
        if os.fork() == 0:
            try:
                line.say([])
            except errors.CloudException as error:
                os.write(here, str(error).encode())
            os._exit(0)
        os.wait()
        return os.read(there, 1000).decode()

    assert "forked" in await bench.call(job)
    assert bench.words == []


async def test_a_job_that_closes_every_descriptor_is_told_so(bench: Any) -> None:
    def job() -> str:
        import os

        from picloud import errors, inside

        line = inside.line
        assert line is not None
        os.close(line._socket.fd)
        try:
            line.say([])
        except errors.CloudException as error:
            return str(error)
        return ""

    assert "closed the descriptors" in await bench.call(job)
    assert "closed the descriptors" in (await bench.exited()).exit.text


async def test_large_frames_pass_both_ways(bench: Any) -> None:
    def job(size: int) -> int:
        from picloud import inside
        from picloud.protocol.client_messages import SubmitJobs

        heard: list[Any] = []

        class News:
            def is_set(self) -> bool:
                return bool(heard)

        line = inside.line
        assert line is not None
        line.on_heard = heard.extend
        line.say([SubmitJobs(1, 1, [bytes(size)])])  # type: ignore[arg-type]  # numbers are ids
        line.sleep(News())
        return len(heard[0].secret)

    size = 8 << 20
    (sequence,) = bench.submit(job, (size,))
    await bench.until(lambda: bench.spoken(sequence))
    bench.tell(sequence, JidsReserved(JobId(1), 1, bytes(size)))
    assert await bench.result(sequence) == size
