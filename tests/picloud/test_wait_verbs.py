"""Results, joins, iterators, statuses and so on, against a real link."""

import asyncio
import signal
import threading
from typing import Any

import pytest

from picloud import errors
from picloud.job import ALL, Job
from picloud.protocol import limits
from picloud.protocol.client_messages import AskInfo, WatchJobs
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def fail(x: Any) -> Any:
    raise ValueError(f"no {x}")


class Touchy:
    """Cannot be unpickled."""

    def __reduce__(self) -> Any:
        return fail, ("way",)


def touchy() -> Touchy:
    return Touchy()


def start_and_wait(thread: threading.Thread, session: Session, job: Job) -> None:
    thread.start()
    session.result(job)


def held(session: Session) -> Job:
    return session.options(label="held").call(double, 1)


# ---------------------------------------------------------------------- result


def test_a_single_job_gives_a_value_and_everything_else_a_list(session: Session) -> None:
    job = session.call(double, 1)
    jobs = session.map(double, range(3))
    assert session.result(job) == 2
    assert session.result(int(job)) == 2
    assert session.result([job]) == [2]
    assert session.result((job, jobs, int(job))) == [2, 0, 2, 4, 2]
    assert session.result(iter([job])) == [2]
    assert session.result([]) == []


def test_the_same_job_twice_gives_its_result_twice(session: Session) -> None:
    job = session.call(double, 1)
    assert session.result([job, job]) == [2, 2]
    assert session.result(job) == 2


def test_the_first_failure_raises_while_others_still_run(session: Session) -> None:
    running = held(session)
    with pytest.raises(ValueError, match="no 7"):
        session.result([running, session.call(fail, 7)])
    assert session.status(running) == "queued"


def test_ignored_errors_stand_in_the_place_of_the_result(session: Session) -> None:
    good, bad = session.call(double, 1), session.call(fail, 7)
    results = session.result([good, bad, 99], ignore_errors=True)
    assert results[0] == 2
    assert isinstance(results[1], ValueError)
    assert isinstance(results[1], errors.JobError)
    assert isinstance(results[2], errors.AccessDenied)
    assert isinstance(session.result(bad, ignore_errors=True), errors.JobError)


def test_an_unknown_job_is_denied(session: Session) -> None:
    with pytest.raises(errors.AccessDenied, match="no job 99 that this session may read") as caught:
        session.result(99)
    assert caught.value.jid == 99


@pytest.mark.parametrize("wrong", [True, 1.5, "1", None, [1.5], ["1"], [[1]], b"1"])
def test_what_is_no_job_is_refused_before_anything_is_sent(
    master: FakeMaster, session: Session, wrong: Any
) -> None:
    for verb in (session.result, session.join, session.status, session.kill, session.iresult):
        with pytest.raises(TypeError, match="expected a job"):
            verb(wrong)
    assert master.received == []


def test_a_negative_number_is_no_job(session: Session) -> None:
    with pytest.raises(ValueError, match="no job has the number -1"):
        session.result(-1)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [("1", TypeError), (True, TypeError), (-1, ValueError), (float("nan"), ValueError)],
)
def test_a_timeout_that_is_none_is_refused(
    session: Session, wrong: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="timeout"):
        session.result(1, timeout=wrong)


def test_a_timeout_says_why(session: Session) -> None:
    job = held(session)
    with pytest.raises(errors.CloudTimeoutError) as caught:
        session.result(job, timeout=0.01)
    assert isinstance(caught.value, TimeoutError)
    assert str(caught.value) == session.why(job) == job.why()
    assert caught.value.jid == job


def test_a_timeout_of_zero_still_gives_what_is_there(session: Session) -> None:
    job = session.call(double, 1)
    session.join(job)
    assert session.result(job, timeout=0) == 2


def test_a_job_can_be_waited_for_after_a_timeout(master: FakeMaster, session: Session) -> None:
    job = held(session)
    with pytest.raises(errors.CloudTimeoutError):
        session.join(job, timeout=0)
    master.release()
    assert session.result(job, timeout=60) == 2


def test_joined_jobs_send_no_results(master: FakeMaster, session: Session) -> None:
    session.join(session.map(double, range(3)))
    assert [each.results for each in master.told(WatchJobs)] == [False]


def test_a_join_fails_with_the_first_failure_unless_told_not_to(session: Session) -> None:
    jobs = session.map(fail, [1])
    with pytest.raises(ValueError, match="no 1"):
        session.join(jobs)
    session.join(jobs, ignore_errors=True)


def test_a_result_that_cannot_be_loaded_is_an_error_of_that_job(session: Session) -> None:
    good, bad = session.call(double, 1), session.call(touchy)
    results = session.result([good, bad], ignore_errors=True)
    assert results[0] == 2
    assert isinstance(results[1], errors.ResultError)
    with pytest.raises(errors.ResultError, match="cannot be loaded here: ValueError: no way"):
        session.result(bad)


def test_a_wait_for_an_outcome_and_one_for_the_result_are_both_served(
    master: FakeMaster, session: Session
) -> None:
    job = held(session)
    results: list[Any] = []
    joiner = threading.Thread(target=session.join, args=(job,))
    reader = threading.Thread(target=lambda: results.append(session.result(job)))
    joiner.start()
    reader.start()
    session.why(job)
    master.release()
    joiner.join()
    reader.join()
    assert results == [2]


def test_control_c_ends_a_wait(master: FakeMaster, session: Session) -> None:
    (job,) = session.map(double, [1], _label="held")  # of a map: the master hears who waits
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        while not master.told(WatchJobs):
            session.why(job)  # until the main thread waits
        signal.pthread_kill(main, signal.SIGINT)

    waker = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        start_and_wait(waker, session, job)
    waker.join()
    assert session.status(job) == "queued"


# ---------------------------------------------------------------------- ask and tell


def test_statuses_are_asked_for_one_or_many(session: Session) -> None:
    good, bad, slow = session.call(double, 1), session.call(fail, 1), held(session)
    session.join([good, bad], ignore_errors=True)
    assert session.status(good) == "done"
    assert session.status([slow, bad]) == ["queued", "error"]
    assert session.status([]) == []


def test_info_is_keyed_by_job_and_knows_groups(session: Session) -> None:
    job = session.call(double, 1, _label="x")
    session.join(job)
    assert session.info(job, "status") == {job: {"status": "done"}}
    assert session.info([job], ["label", "memory"]) == {job: {"label": "x", "memory.max_usage": 7}}
    fields = {"status", "label", "memory.max_usage", "stdout", "arguments"}
    assert set(session.info(job)[job]) == fields
    assert session.info(job, "all") == session.info(job)


def test_arguments_that_came_as_bytes_are_put_into_words(session: Session) -> None:
    jobs = [session.call(double, 1), session.call(double, double)]
    session.join(jobs, ignore_errors=True)
    told = session.info(jobs, "arguments")
    assert told == {jobs[0]: {"arguments": "1"}, jobs[1]: {"arguments": None}}


def test_what_jobs_wrote_fits_into_the_answer_however_many_are_asked_about(
    master: FakeMaster, session: Session
) -> None:
    jobs = session.map(double, range(1000))
    session.join(jobs)
    assert list(session.info(jobs)) == list(jobs)
    most = max(len(each.jids) for each in master.told(AskInfo))
    streams, bytes_per_character = 3, 3
    assert most * streams * bytes_per_character * limits.OUTPUT_TAIL < limits.MAX_FRAME


def test_the_name_of_a_field_is_a_text(session: Session) -> None:
    with pytest.raises(TypeError, match="name of a field"):
        session.info(1, [3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="list of names"):
        session.info(1, 3)  # type: ignore[arg-type]


def test_a_field_that_no_job_has_is_refused_with_the_nearest(session: Session) -> None:
    job = session.call(double, 1)
    with pytest.raises(ValueError, match="no field 'statsu'; did you mean status"):
        session.info(job, ["label", "statsu"])
    with pytest.raises(ValueError, match=r"no field 'mem'; .*memory"):
        session.info(job, "mem")
    with pytest.raises(ValueError, match="no field 'xyzzy'; there are arguments, label, "):
        session.info(job, "xyzzy")
    assert session.info(job, []) == {job: {}}
    assert session.info([], "xyzzy") == {}


def test_a_killed_job_raises_as_killed(session: Session) -> None:
    job = held(session)
    session.kill(job)
    with pytest.raises(errors.JobKilled) as caught:
        session.result(job)
    assert (caught.value.jid, caught.value.status) == (job, "killed")


def test_kill_needs_its_argument_and_can_mean_all(session: Session) -> None:
    jobs = [held(session), held(session)]
    session.kill([])
    assert session.status(jobs) == ["queued", "queued"]
    with pytest.raises(TypeError):
        session.kill()  # type: ignore[call-arg]
    session.kill(ALL)
    assert session.status(jobs) == ["killed", "killed"]


def test_only_finished_jobs_can_be_deleted(session: Session) -> None:
    good, slow = session.call(double, 1), held(session)
    session.join(good)
    with pytest.raises(errors.CloudException, match="not finished") as caught:
        session.delete([good, slow])
    assert caught.value.jid == slow
    session.delete(good)
    with pytest.raises(errors.AccessDenied):
        session.result(good)
    with pytest.raises(errors.AccessDenied, match=f"no job {good} "):
        session.status(good)


def test_why_takes_one_job(session: Session) -> None:
    with pytest.raises(TypeError, match="one job"):
        session.why([1])


# ---------------------------------------------------------------------- asyncio


async def test_a_thousand_jobs_are_awaited_at_once(master: FakeMaster) -> None:
    async with master.session() as session:

        async def one(n: int) -> Any:
            return await (await session.acall(double, n))

        assert await asyncio.gather(*map(one, range(1000))) == [2 * n for n in range(1000)]


async def test_the_asynchronous_questions_do_the_same(master: FakeMaster) -> None:
    async with master.session() as session:
        job = await session.options(label="held").acall(double, 1)
        assert await session.astatus(job) == "queued"
        assert await session.awhy(job) == f"job {job} is held"
        assert (await session.ainfo(job, "label"))[job] == {"label": "held"}
        with pytest.raises(errors.CloudTimeoutError, match="is held"):
            await session.aresult(job, timeout=0.01)
        await session.akill(job)
        await session.ajoin(job, ignore_errors=True)
        await session.adelete(job)
        with pytest.raises(errors.AccessDenied):
            await job


async def test_a_cancelled_wait_leaves_the_job_alone(master: FakeMaster) -> None:
    async with master.session() as session:
        job = await session.options(label="held").acall(double, 1)
        wait = asyncio.ensure_future(session.aresult(job))
        await session.astatus(job)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert await session.astatus(job) == "queued"
        master.release()
        assert await job == 2


async def test_every_blocking_verb_names_its_twin(master: FakeMaster) -> None:
    async with master.session() as session:
        for name in ("result", "join", "status", "info", "kill", "delete", "why"):
            with pytest.raises(RuntimeError, match=rf"await a{name}\("):
                getattr(session, name)(1)
        for name in ("iresult", "as_completed"):
            with pytest.raises(RuntimeError, match=f"in a{name}"):
                getattr(session, name)([1])
        with pytest.raises(RuntimeError, match="await aclose"):
            session.close()


async def test_two_loops_can_wait_in_one_session(master: FakeMaster) -> None:
    async with master.session() as session:
        job = await session.options(label="held").acall(double, 1)
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(asyncio.run(wait_for(job))))
        thread.start()
        await session.astatus(job)
        master.release()
        assert await job == 2
        await asyncio.to_thread(thread.join)
        assert results == [2]


async def wait_for(job: Job) -> Any:
    return await job
