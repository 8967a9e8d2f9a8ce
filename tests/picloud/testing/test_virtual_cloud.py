"""A cloud of virtual time: the user's functions, the real kernel and agents, and no waiting."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import picloud
from picloud import errors
from picloud.current import current_session
from picloud.testing import VirtualCloud, spend


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with VirtualCloud() as cloud:
        yield cloud


def double(x: int) -> int:
    return 2 * x


def fib(n: int) -> int:
    if n < 2:
        return n
    a, b = picloud.map(fib, [n - 1, n - 2])
    return int(picloud.result(a) + picloud.result(b))


def about(seconds: float) -> Any:
    """Processes start and messages travel, too."""
    return pytest.approx(seconds, abs=0.5)


# ---------------------------------------------------------------------- time


def test_a_job_takes_a_virtual_second(cloud: VirtualCloud) -> None:
    assert cloud.result(cloud.call(double, 4)) == 8
    assert cloud.now == about(1)


def test_ten_thousand_hours_pass_on_a_hundred_workers_in_a_hundred() -> None:
    with VirtualCloud(workers=100, duration=3600) as cloud:
        jobs = cloud.map(double, range(10_000))
        assert cloud.result(jobs) == [double(x) for x in range(10_000)]
        assert 3600 * 100 < cloud.now < 3600 * 101


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"duration": -1}, ValueError, "duration is at least 0 seconds"),
        ({"duration": float("nan")}, ValueError, "duration is at least 0 seconds"),
        ({"duration": float("inf")}, ValueError, "duration is at least 0 seconds"),
        ({"duration": "1"}, TypeError, "duration is a number of seconds"),
        ({"duration": None}, TypeError, "duration is a number of seconds"),
        ({"duration": True}, TypeError, "duration is a number of seconds"),
        ({"workers": -1}, ValueError, "workers is at least 0"),
        ({"workers": 1.5}, TypeError, "workers is a whole number"),
        ({"workers": True}, TypeError, "workers is a whole number"),
        ({"cores": 0}, ValueError, "cores is at least 1"),
        ({"cores": "2"}, TypeError, "cores is a whole number"),
    ],
)
def test_a_cloud_that_makes_no_sense_is_not_made(arguments: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        VirtualCloud(**arguments)


def test_a_worker_that_makes_no_sense_does_not_join(cloud: VirtualCloud) -> None:
    with pytest.raises(ValueError, match="cores is at least 1"):
        cloud.add_worker(0)


def test_a_job_spends_time(cloud: VirtualCloud) -> None:
    cloud.join(cloud.call(lambda: spend(100)))
    assert cloud.now == about(101)


def test_time_is_spent_in_jobs_only() -> None:
    with pytest.raises(RuntimeError, match="spend"):
        spend(1)


def test_no_time_passes_backwards(cloud: VirtualCloud) -> None:
    with pytest.raises(ValueError, match="at least 0 seconds"):
        cloud.pass_time(-1)


def test_nothing_happens_until_time_passes(cloud: VirtualCloud) -> None:
    job = cloud.call(double, 4)
    assert cloud.status(job) in ("queued", "processing")
    cloud.pass_time(10)
    assert cloud.now == about(10)
    assert cloud.status(job) == "done"


def test_a_coroutine_sleeps_in_virtual_time(cloud: VirtualCloud) -> None:
    async def nap() -> str:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(1800))
        return "rested"

    assert cloud.result(cloud.call(nap)) == "rested"
    assert cloud.now == about(3601)


def test_a_coroutine_awaits_jobs_with_its_slot_lent(cloud: VirtualCloud) -> None:
    async def sum_up() -> int:
        jobs = [await picloud.acall(double, x) for x in range(3)]
        return sum(await asyncio.gather(*jobs))

    assert cloud.result(cloud.call(sum_up)) == 6
    assert cloud.now == about(4)


async def test_a_test_awaits_jobs_for_virtual_seconds() -> None:
    with VirtualCloud(duration=100) as cloud:
        with pytest.raises(errors.CloudTimeoutError):
            await cloud.aresult(await cloud.acall(double, 1), timeout=10)
        assert cloud.now == about(10)


async def test_a_test_awaits_no_job_that_will_never_run() -> None:
    async with VirtualCloud(workers=0) as cloud:
        with pytest.raises(errors.CloudTimeoutError, match="no worker"):
            await (await cloud.acall(double, 1))


async def test_a_test_awaits_jobs() -> None:
    with VirtualCloud() as cloud:
        one, two = await cloud.acall(double, 1), await cloud.acall(double, 2)
        assert await asyncio.gather(one, two) == [2, 4]
        assert cloud.now == about(2)


def test_the_same_test_takes_the_same_course() -> None:
    def course() -> tuple[float, list[int]]:
        with VirtualCloud(workers=3, duration=lambda function, args, kwargs: args[0]) as cloud:
            jobs = cloud.map(fib, [5, 3, 4])
            order = [int(job) for job in cloud.as_completed(jobs)]
            return cloud.now, order

    assert course() == course()


# ---------------------------------------------------------------------- jobs of jobs


def test_jobs_start_jobs_on_a_single_core(cloud: VirtualCloud) -> None:
    assert cloud.result(cloud.call(fib, 6)) == 8


def test_handles_go_in_and_come_out(cloud: VirtualCloud) -> None:
    first = cloud.call(double, 4)
    adder = cloud.call(lambda job: picloud.call(double, picloud.result(job)), first)
    assert cloud.result(cloud.result(adder)) == 16


def test_a_handle_of_another_virtual_cloud_is_refused(cloud: VirtualCloud) -> None:
    with VirtualCloud() as other:
        job = other.call(double, 1)
    with pytest.raises(ValueError, match="another cloud session"):
        cloud.call(lambda each: each.result(), job)
    with pytest.raises(ValueError, match="another cloud session"):
        cloud.map(lambda each: each.result(), [job])


def test_a_wait_in_a_job_has_its_limit_in_virtual_time(cloud: VirtualCloud) -> None:
    def impatient() -> str:
        job = picloud.call(double, 1, _cores=2)
        try:
            picloud.result(job, timeout=10)
        except errors.CloudTimeoutError as error:
            return str(error)
        return ""

    assert "2 cores" in cloud.result(cloud.call(impatient))
    assert cloud.now == about(11)


def test_a_job_is_on_the_cloud_and_its_test_is_not(cloud: VirtualCloud) -> None:
    assert cloud.result(cloud.call(picloud.running_on_cloud))
    assert not picloud.running_on_cloud()


# ---------------------------------------------------------------------- how jobs end


def test_a_job_raises_what_its_function_raises(cloud: VirtualCloud) -> None:
    job = cloud.call(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError) as caught:
        cloud.result(job)
    assert isinstance(caught.value, errors.JobError)


def test_a_job_that_fails_is_run_again(cloud: VirtualCloud) -> None:
    job = cloud.call(lambda: 1 // 0, _retries=2, _retry_delay=100)
    with pytest.raises(ZeroDivisionError):
        cloud.result(job)
    assert cloud.now == about(203)


def test_a_job_waits_for_those_it_depends_on() -> None:
    with VirtualCloud(workers=10) as cloud:
        first = cloud.map(double, range(3), _label="first")
        last = cloud.call(lambda: sum(picloud.result(first)), _depends_on=first)
        assert cloud.status(last) == "waiting"
        assert cloud.result(last) == 6


def test_a_job_is_stalled_behind_one_that_failed(cloud: VirtualCloud) -> None:
    job = cloud.call(double, 1, _depends_on=cloud.call(lambda: 1 // 0))
    with pytest.raises(errors.JobStalled):
        cloud.result(job)


def test_a_running_job_is_killed(cloud: VirtualCloud, tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    def endless() -> None:
        try:
            spend(1e9)
        finally:
            diary.write_text("the end")

    job = cloud.call(endless)
    cloud.pass_time(100)
    assert not diary.exists()
    cloud.kill(job)
    with pytest.raises(errors.JobKilled):
        cloud.result(job)
    assert cloud.result(cloud.call(double, 1)) == 2
    assert diary.read_text() == "the end"


def test_a_job_survives_the_loss_of_its_worker() -> None:
    with VirtualCloud(workers=2, duration=100) as cloud:
        job = cloud.call(double, 4)
        cloud.pass_time(50)
        cloud.lose_worker()
        assert cloud.result(job) == 8
        assert cloud.now == about(150)


def test_a_job_that_must_not_run_twice_is_lost_with_its_worker(cloud: VirtualCloud) -> None:
    job = cloud.call(lambda: spend(100), _restartable=False)
    cloud.pass_time(50)
    cloud.lose_worker()
    with pytest.raises(errors.WorkerLost):
        cloud.result(job)


def test_a_worker_that_is_not_there_cannot_be_lost(cloud: VirtualCloud) -> None:
    worker = cloud.add_worker()
    cloud.lose_worker(worker)
    with pytest.raises(ValueError, match="no such worker"):
        cloud.lose_worker(worker)


def test_a_job_crashes(cloud: VirtualCloud) -> None:
    job = cloud.call(lambda: spend(100))
    with pytest.raises(ValueError, match="does not run"):
        cloud.crash_job(job)
    cloud.pass_time(50)
    cloud.crash_job(job)
    with pytest.raises(errors.JobError, match=r"SIGSEGV|signal 11"):
        cloud.result(job)


# ---------------------------------------------------------------------- waits that do not end


def test_a_wait_is_over_after_virtual_seconds() -> None:
    with VirtualCloud(duration=3600) as cloud:
        job = cloud.call(double, 4)
        with pytest.raises(errors.CloudTimeoutError):
            cloud.result(job, timeout=10)
        assert cloud.now == about(10)


def test_completions_are_awaited_for_virtual_seconds_all_together() -> None:
    with VirtualCloud(duration=10) as cloud:
        completed = cloud.as_completed(cloud.map(double, range(4)), timeout=25)
        assert [next(completed), next(completed)]
        with pytest.raises(errors.CloudTimeoutError):
            next(completed)
        assert cloud.now == about(25)


def test_a_wait_that_would_never_end_says_why() -> None:
    with VirtualCloud(workers=0) as cloud:
        job = cloud.call(double, 4)
        with pytest.raises(errors.CloudTimeoutError, match=r"nothing will ever happen.*no worker"):
            cloud.result(job)
        with pytest.raises(errors.CloudTimeoutError, match=r"nothing will ever happen.*no worker"):
            next(cloud.iresult(job))
        cloud.add_worker()
        assert cloud.result(job) == 8


def test_a_job_cannot_wait_for_the_outside(cloud: VirtualCloud) -> None:
    async def forlorn() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="not of its cloud"):
        cloud.result(cloud.call(forlorn))


CLOSED: dict[str, Callable[[VirtualCloud, picloud.Job], Any]] = {
    "call": lambda cloud, job: cloud.call(double, 1),
    "map": lambda cloud, job: cloud.map(double, range(2)),
    "call after": lambda cloud, job: cloud.call(double, 1, _depends_on=job),
    "result": lambda cloud, job: cloud.result(job),
    "as_completed": lambda cloud, job: next(cloud.as_completed(job)),
    "status": lambda cloud, job: cloud.status(job),
    "kill": lambda cloud, job: cloud.kill(job),
    "pass_time": lambda cloud, job: cloud.pass_time(5),
    "add_worker": lambda cloud, job: cloud.add_worker(),
    "lose_worker": lambda cloud, job: cloud.lose_worker(),
    "crash_job": lambda cloud, job: cloud.crash_job(job),
    "with": lambda cloud, job: cloud.__enter__(),
}


@pytest.mark.parametrize("verb", CLOSED)
def test_a_closed_cloud_refuses(verb: str) -> None:
    with VirtualCloud() as cloud:
        job = cloud.call(lambda: spend(1000))
        cloud.pass_time(10)
        closed = cloud.now
    with pytest.raises(errors.ConnectionLost, match="this session is closed"):
        CLOSED[verb](cloud, job)
    assert cloud.now == closed


async def test_a_closed_cloud_refuses_coroutines() -> None:
    async with VirtualCloud() as cloud:
        await cloud.acall(double, 1)
    with pytest.raises(errors.ConnectionLost, match="this session is closed"):
        await cloud.acall(double, 1)
    with pytest.raises(errors.ConnectionLost, match="this session is closed"):
        async with cloud:
            pass


def test_a_cloud_is_closed_once(cloud: VirtualCloud) -> None:
    assert cloud.close()
    assert not cloud.close()


def test_no_thread_outlives_its_cloud() -> None:
    before = threading.active_count()
    with VirtualCloud(workers=3) as cloud:
        cloud.map(lambda x: spend(1000), range(3))
        cloud.pass_time(10)
        cloud.lose_worker()
        assert threading.active_count() > before
    assert threading.active_count() == before


@pytest.mark.parametrize("verb", ["executor", "future_of", "call"])
def test_there_are_no_threads_of_the_session(cloud: VirtualCloud, verb: str) -> None:
    def wish(verbs: Any) -> None:
        arguments: dict[str, Any] = {"future_of": (1,), "call": (double, 1)}
        options = {"_callback": print} if verb == "call" else {}
        with pytest.raises(errors.CloudException, match="virtual cloud"):
            getattr(verbs, verb)(*arguments.get(verb, ()), **options)

    wish(cloud)
    cloud.result(cloud.call(lambda: wish(current_session())))


def test_why_and_info_are_told_as_elsewhere(cloud: VirtualCloud) -> None:
    jobs = cloud.map(double, range(2))
    assert f"job {jobs[1]}" in cloud.why(jobs[1])
    cloud.join(jobs)
    assert Counter(info["status"] for info in cloud.info(jobs).values()) == {"done": 2}
