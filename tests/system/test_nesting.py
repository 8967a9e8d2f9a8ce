"""Jobs that use the cloud themselves: they lend their slots, and everything works in them."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud.job import Job, JobMap
from picloud.local import embedded_session
from picloud.session import Session
from tests.support.processes import open_gate, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module", params=[1, 2], ids=["one slot", "two slots"])
def small(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A cloud with so few slots that jobs which kept theirs would hang."""
    with embedded_session(request.param) as session:
        yield session


def square(x: int) -> int:
    return x * x


def wait_at(gate: str, answer: Any = None) -> Any:
    with open(gate) as reader:
        reader.read()
    return answer


def fail(text: str) -> None:
    raise ValueError(text)


def fib(n: int) -> int:
    if n < 2:
        return n
    a, b = picloud.map(fib, [n - 1, n - 2])
    return int(picloud.result(a) + picloud.result(b))


async def afib(n: int) -> int:
    if n < 2:
        return n
    a, b = await picloud.amap(afib, [n - 1, n - 2])
    return int(await a + await b)


# ---------------------------------------------------------------------- lent slots


@pytest.mark.parametrize("function", [fib, afib], ids=["sync", "async"])
def test_a_recursion_of_many_branches_finishes_on_few_slots(small: Session, function: Any) -> None:
    assert small.result(small.call(function, 11), 60) == 89


def test_a_chain_of_jobs_that_read_each_other_finishes(small: Session) -> None:
    def step(before: Job | None) -> int:
        return 1 if before is None else 1 + int(picloud.result(before))

    job = small.call(step, None)
    for _ in range(499):
        job = small.call(step, job, _depends_on=job)
    assert small.result(job, 60) == 500


def test_a_chain_that_is_not_told_to_wait_finishes_too(small: Session) -> None:
    """Each job waits inside for the one before, which is older: no slot is needed twice."""

    def step(before: Job | None) -> int:
        return 1 if before is None else 1 + int(picloud.result(before))

    jobs = [small.call(step, None)]
    for _ in range(60):
        jobs.append(small.call(step, jobs[-1]))
    assert small.result(jobs[-1], 60) == 61


def test_a_tree_of_1024_leaves_submitted_up_front_adds_up(small: Session) -> None:
    def add(a: Job, b: Job) -> int:
        return int(picloud.result(a) + picloud.result(b))

    level = list(small.map(square, range(1024)))
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [small.call(add, a, b, _depends_on=[a, b]) for a, b in pairs]
    assert small.result(level[0], 60) == sum(x * x for x in range(1024))


def test_a_waiting_job_lets_urgent_work_of_others_pass(small: Session, gate: str) -> None:
    sleeper = small.call(lambda path: picloud.result(picloud.call(wait_at, path, 5)), gate)
    other = small.call(square, 4, _priority=9)
    open_gate(gate)
    assert (small.result(sleeper, 20), small.result(other, 20)) == (5, 16)


# ---------------------------------------------------------------------- the whole api


def test_code_can_tell_whether_it_runs_in_a_job(cloud: Session) -> None:
    assert picloud.running_on_cloud() is False
    assert cloud.result(cloud.call(lambda: picloud.running_on_cloud()), 20) is True


def test_every_verb_works_inside_a_job(cloud: Session) -> None:
    def use() -> dict[str, Any]:
        jobs = picloud.map(square, range(20))
        bad = picloud.call(fail, "inside")
        said: dict[str, Any] = {
            "iresult": list(picloud.iresult(jobs)),
            "as_completed": sorted(picloud.as_completed([*jobs, bad])) == sorted([*jobs, bad]),
            "join": picloud.join(jobs),
            "status": picloud.status([jobs[0], bad]),
            "why": picloud.why(bad),
            "info": picloud.info(jobs[3], ["status", "function"])[jobs[3]],
            "error": picloud.result(bad, ignore_errors=True),
            "options": picloud.options(label="x", priority=1).call(square, 3).result(),
            "underscored": picloud.call(square, 4, _label="y", _depends_on=jobs).result(),
        }
        picloud.kill(jobs)
        picloud.delete(jobs)
        try:
            picloud.result(jobs[0])
        except picloud.AccessDenied:
            said["deleted"] = True
        return said

    said = cloud.result(cloud.call(use), 30)
    error = said.pop("error")
    assert isinstance(error, ValueError)
    assert "has finished: error" in said.pop("why")
    assert said.pop("info")["status"] == "done"
    assert said == {
        "iresult": [x * x for x in range(20)],
        "as_completed": True,
        "join": None,
        "status": ["done", "error"],
        "options": 9,
        "underscored": 16,
        "deleted": True,
    }


def test_every_twin_works_inside_an_asynchronous_job(cloud: Session) -> None:
    async def use() -> dict[str, Any]:
        jobs = await picloud.amap(square, range(20))
        bad = await picloud.acall(fail, "inside")
        (error,) = await picloud.aresult([bad], ignore_errors=True)
        await picloud.ajoin(jobs)
        return {
            "results": await picloud.aresult(jobs),
            "gather": await asyncio.gather(*jobs[:5]),
            "iresult": [value async for value in picloud.airesult(jobs[:3])],
            "completed": len([job async for job in picloud.aas_completed(jobs)]),
            "status": await picloud.astatus(bad),
            "error": str(error),
            "info": (await picloud.ainfo(jobs[0], "status"))[jobs[0]],
        }

    assert cloud.result(cloud.call(use), 30) == {
        "results": [x * x for x in range(20)],
        "gather": [0, 1, 4, 9, 16],
        "iresult": [0, 1, 4],
        "completed": 20,
        "status": "error",
        "error": "inside",
        "info": {"status": "done"},
    }


def test_a_blocking_verb_in_an_asynchronous_job_names_its_twin(cloud: Session) -> None:
    async def block() -> None:
        picloud.result(await picloud.acall(square, 2))

    with pytest.raises(RuntimeError, match="aresult"):
        cloud.result(cloud.call(block), 20)


def test_a_job_runs_a_loop_of_its_own(small: Session) -> None:
    def run() -> int:
        async def main() -> int:
            return int(await (await picloud.acall(square, 6)))

        return asyncio.run(main()) + asyncio.run(main())

    assert small.result(small.call(run), 20) == 72


def test_many_coroutines_of_a_job_wait_at_once(small: Session) -> None:
    async def main() -> list[int]:
        async def one(n: int) -> int:
            return int(await (await picloud.acall(fib, n)))

        return await asyncio.gather(*map(one, range(7)))

    assert small.result(small.call(main), 30) == [0, 1, 1, 2, 3, 5, 8]


def test_threads_of_a_job_wait_each_for_their_own(small: Session) -> None:
    def threaded() -> list[int]:
        found: dict[int, int] = {}

        def one(n: int) -> None:
            found[n] = picloud.result(picloud.call(fib, n))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [found[n] for n in range(8)]

    assert small.result(small.call(threaded), 30) == [0, 1, 1, 2, 3, 5, 8, 13]


def test_a_signal_handler_of_a_job_may_wait_while_the_job_waits(small: Session) -> None:
    def wait_twice() -> tuple[int, list[int]]:
        import signal

        found: list[int] = []

        def handle(*_: object) -> None:
            found.append(picloud.result(picloud.call(square, 7)))

        def busy(seconds: float) -> int:
            import time

            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
            return 5

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return picloud.result(picloud.call(busy, 0.2)), found

    assert small.result(small.call(wait_twice), 20) == (5, [49])


def test_a_time_limit_of_a_job_s_own_may_strike_amid_every_use_of_the_cloud(
    small: Session,
) -> None:
    def guarded(rounds: int) -> tuple[int, list[str]]:
        import random
        import signal

        def strike(*_: object) -> None:
            raise TimeoutError("too slow")

        signal.signal(signal.SIGALRM, strike)
        struck, others = 0, []
        for seed in range(rounds):
            delay = random.Random(seed).uniform(0.000_1, 0.003)
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, delay)
                    picloud.result(picloud.map(lambda x: -x, [1, 2, 3]))
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except TimeoutError:
                struck += 1
            except Exception as error:  # noqa: BLE001 - what should not come
                others.append(repr(error))
        return struck, others

    for struck, others in small.result(small.map(guarded, [300] * 4), 60):
        assert struck > 0
        assert others == []


@pytest.mark.parametrize("how", ["loops", "both"])
def test_loops_in_threads_of_a_job_wait_each_for_their_own(small: Session, how: str) -> None:
    def threaded() -> list[int]:
        found: list[int] = []

        def run(n: int) -> None:
            async def main() -> None:
                found.append(await (await picloud.acall(fib, n)))

            if how == "both" and n % 2:
                found.append(picloud.result(picloud.call(fib, n)))
            else:
                asyncio.run(main())

        threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(found)

    for _ in range(3):
        assert small.result(small.call(threaded), 30) == [0, 1, 1, 2, 3, 5]


def test_a_timeout_inside_a_job_says_why(cloud: Session, gate: str) -> None:
    def impatient(gate: str) -> tuple[str, bool, int]:
        job = picloud.call(wait_at, gate, 7)
        try:
            picloud.result(job, 0.1)
        except picloud.CloudTimeoutError as error:
            print(int(job), flush=True)
            return str(error), isinstance(error, TimeoutError), picloud.result(job)
        raise AssertionError("it came in time")

    job = cloud.call(impatient, gate)
    child = int(until(lambda: cloud.info(job)[job]["stdout"], "its child is known"))
    until(lambda: cloud.status(child) == "processing", "its child runs")
    open_gate(gate)
    text, is_timeout, value = cloud.result(job, 20)
    assert (is_timeout, value) == (True, 7)
    assert f"job {child} " in text


def test_a_map_of_jobs_goes_in_and_out_of_jobs(cloud: Session) -> None:
    def start() -> JobMap:
        return picloud.map(square, range(500))

    def total(jobs: JobMap) -> int:
        return sum(picloud.result(jobs))

    jobs = cloud.result(cloud.call(start), 20)
    assert isinstance(jobs, JobMap)
    assert cloud.result(cloud.call(total, jobs), 20) == sum(x * x for x in range(500))
    assert cloud.result(jobs[7]) == 49


def test_a_job_may_close_its_cloud_and_go_on(small: Session) -> None:
    def double(x: int) -> int:
        return x * 2

    def job() -> tuple[Any, ...]:
        import picloud as cloud

        first = cloud.call(double, 2)
        cloud.result(first)
        cloud.close()
        second = cloud.result(cloud.call(double, 3))
        return cloud.status(first), first.result(), second

    assert small.result(small.call(job), 20) == ("done", 4, 6)
