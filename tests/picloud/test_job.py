"""Handles of one job and of many."""

import copy
import functools
import json
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud import errors
from picloud.job import Job, JobMap, job_of
from picloud.protocol.client_messages import SubmitJobs
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def fail() -> None:
    raise ValueError("no")


# ---------------------------------------------------------------------- Job


def test_a_job_is_its_number(session: Session) -> None:
    job = session.call(double, 1)
    assert (job, str(job), repr(job), f"{job}") == (1, "1", "1", "1")
    assert json.dumps([job]) == "[1]"
    assert {int(job): "x"}[job] == "x"
    assert {job: "x"}.get(Job(1)) == "x"
    assert job < 2


def test_a_job_is_its_handle(session: Session) -> None:
    job = session.call(double, 2)
    assert job.result() == 4
    assert job.status == "done"
    assert job.info("status") == {"status": "done"}
    slow = session.call(double, 1, _label="held")
    assert slow.why() == "job 2 is held"
    slow.kill()
    assert slow.status == "killed"


async def test_a_job_can_be_awaited_and_names_its_twins_in_a_loop(master: FakeMaster) -> None:
    async with master.session() as session:
        job = await session.acall(double, 1)
        assert await job == 2
        with pytest.raises(RuntimeError, match="use `await job`"):
            job.result()
        with pytest.raises(RuntimeError, match=r"await astatus\(job\)"):
            _ = job.status


def test_a_pickled_job_is_a_handle_where_the_session_is_of_the_same_cloud(
    session: Session,
) -> None:
    job, jobs = session.call(double, 1), session.map(double, [2, 3])
    again, more = pickle.loads(pickle.dumps([job, jobs]))
    assert (type(again), again, list(more)) == (Job, job, list(jobs))
    assert session.result(again) == 2
    assert session.result(more) == [4, 6]
    assert copy.deepcopy([job])[0] is job


def test_elsewhere_its_number_is_not_taken_for_another_job(session: Session) -> None:
    job = session.call(double, 1)
    with FakeMaster().session() as other:
        assert other.call(double, 5) == job
        for stranger in pickle.loads(pickle.dumps([job, session.map(double, [2])])):
            with pytest.raises(ValueError, match="another cloud session"):
                other.result(stranger)


def test_a_job_of_another_session_is_refused(session: Session) -> None:
    with FakeMaster().session() as other:
        job = other.call(double, 1)
        with pytest.raises(ValueError, match="another cloud session"):
            session.result(job)
        with pytest.raises(ValueError, match="another cloud session"):
            session.result(other.map(double, [1]))
        assert other.result(job) == 2


class Box:
    def __init__(self, content: Any) -> None:
        self.content = content


def submissions_that_name(handle: Any) -> dict[str, Callable[[Session], Any]]:
    """Ways to hand a job to others."""

    def default(job: Any = handle) -> Any:
        return job

    return {
        "an argument": lambda session: session.call(double, handle),
        "a keyword": lambda session: session.call(double, x=handle),
        "deep inside": lambda session: session.call(double, Box([{"deep": handle}])),
        "a closure": lambda session: session.call(lambda: handle),
        "a default": lambda session: session.call(default),
        "a partial": lambda session: session.call(functools.partial(double, handle)),
        "an item": lambda session: session.map(double, [1, handle]),
        "a late item": lambda session: session.map(double, (each for each in [1, handle])),
        "a map's closure": lambda session: session.map(lambda x: (x, handle), [1]),
        "kept options": lambda session: session.options(label="x").call(double, handle),
        "an executor": lambda session: session.executor().submit(double, handle),
        "its map": lambda session: session.executor().map(double, [handle], chunksize=2),
        "a dependency": lambda session: session.call(double, 1, _depends_on=handle),
    }


@pytest.mark.parametrize("way", submissions_that_name(None))
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "not opened yet"])
def test_a_job_of_another_session_goes_into_no_submission(way: str, is_open: bool) -> None:
    ours, theirs = FakeMaster(), FakeMaster()
    with theirs.session() as other:
        other.call(double, 1)
        job = other.call(double, 1)
    for handle in (job, other_map(other), pickle.loads(pickle.dumps(job))):
        for has_own_master in (True, False):
            session = ours.session(has_own_master)
            if is_open:
                session.__enter__()
            with pytest.raises(ValueError, match=rf"job {job} is of another cloud session"):
                submissions_that_name(handle)[way](session)
            session.close()
    assert all(double_of(each.payloads) == [2] for each in ours.told(SubmitJobs))


def other_map(session: Session) -> JobMap:
    return JobMap([range(2, 3)], session)


def double_of(payloads: list[bytes]) -> list[Any]:
    """What was submitted all the same: the items before the one that was refused."""
    return [double(*pickle.loads(each)[0]) for each in payloads]


def test_its_own_jobs_go_into_every_submission(session: Session) -> None:
    job = session.call(double, 1)
    for handle in (job, pickle.loads(pickle.dumps(job)), session.map(double, [1])):
        for submit in submissions_that_name(handle).values():
            submit(session)


def test_a_function_that_was_packed_for_one_session_is_not_taken_for_another(
    session: Session,
) -> None:
    job = session.call(double, 1)
    with FakeMaster().session() as other:

        def use() -> Any:
            return job

        session.call(use)
        with pytest.raises(ValueError, match="another cloud session"):
            other.call(use)


def test_what_a_job_has_made_does_not_go_to_another_cloud_that_it_connects_to(
    session: Session,
) -> None:
    class InsideAJob:
        origin = None
        is_lost = False

        def grants(self, first: int, stop: int) -> list[Any]:
            return []

    made: Any = InsideAJob()
    for use in (session.result, lambda handle: session.call(double, handle)):
        with pytest.raises(ValueError, match="job 7 is of another cloud session"):
            use(job_of(7, made))


async def test_nor_does_it_go_into_one_of_a_loop(master: FakeMaster) -> None:
    async with FakeMaster().session() as other, master.session() as session:
        job = await other.acall(double, 1)
        with pytest.raises(ValueError, match="another cloud session"):
            await session.acall(double, job)
        with pytest.raises(ValueError, match="another cloud session"):
            await session.amap(double, [job])


# ---------------------------------------------------------------------- after a restart

READINGS: dict[str, Callable[[Session, Job], Any]] = {
    "result": lambda session, job: session.result(job),
    "join": lambda session, job: session.join([job]),
    "iresult": lambda session, job: list(session.iresult([job])),
    "as_completed": lambda session, job: list(session.as_completed([job])),
    "status": lambda session, job: session.status(job),
    "info": lambda session, job: session.info(job),
    "kill": lambda session, job: session.kill(job),
    "delete": lambda session, job: session.delete(job),
    "why": lambda session, job: session.why(job),
    "future": lambda session, job: session.future_of(job).result(),
}


@pytest.mark.parametrize("verb", READINGS)
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "not opened yet"])
def test_a_handle_of_an_earlier_master_is_refused(verb: str, is_open: bool) -> None:
    with FakeMaster().session(has_own_master=False) as before:
        data = pickle.dumps(before.call(double, 1))
    session = FakeMaster().session(has_own_master=False)
    if is_open:
        session.call(double, 5)
    job = pickle.loads(data)
    with pytest.raises(ValueError, match="job 1 is of another cloud session"):
        READINGS[verb](session, job)
    session.close()


@pytest.mark.parametrize("verb", READINGS)
def test_one_of_the_same_master_outlives_its_connection(verb: str) -> None:
    master = FakeMaster()
    with master.session(has_own_master=False) as before:
        job = before.call(double, 1)
    for handle in (job, pickle.loads(pickle.dumps(job))):
        with master.session(has_own_master=False) as session:
            assert session.result(handle) == 2
    with master.session(has_own_master=False) as session:
        READINGS[verb](session, job)


# ---------------------------------------------------------------------- futures


def test_the_future_of_a_job_has_its_result_or_its_error(session: Session) -> None:
    assert session.call(double, 2).future().result() == 4
    assert isinstance(session.call(fail).future().exception(), ValueError)


def test_cancelling_the_future_kills_the_job(session: Session) -> None:
    job = session.call(double, 1, _label="held")
    future = job.future()
    assert future.cancel()
    assert future.cancelled()
    with pytest.raises(errors.JobKilled):
        job.result()
    done = session.call(double, 1).future()
    done.result()
    assert not done.cancel()


# ---------------------------------------------------------------------- JobMap


def test_a_job_map_is_a_sequence(session: Session) -> None:
    jobs = session.map(double, range(5))
    assert (len(jobs), list(jobs)) == (5, [1, 2, 3, 4, 5])
    assert (jobs[0], jobs[-1], jobs[1:3]) == (1, 5, session_map(session, range(2, 4)))
    assert jobs[0].result() == 0
    assert 3 in jobs
    assert 6 not in jobs
    assert "3" not in jobs  # type: ignore[comparison-overlap]
    assert repr(jobs) == "JobMap(5 jobs, 1 to 5)"
    assert repr(jobs[:0]) == "JobMap()"
    with pytest.raises(IndexError):
        jobs[5]


def session_map(session: Session, jids: range) -> JobMap:
    return JobMap([jids], session)


def test_a_job_map_pickles_and_compares() -> None:
    jobs = JobMap([range(3), range(10, 12)])
    again = pickle.loads(pickle.dumps(jobs))
    assert again == jobs
    assert hash(again) == hash(jobs)
    assert jobs != JobMap([range(3)])
    assert JobMap([range(2), range(2, 4)]) == JobMap([range(4)])


def test_a_large_map_takes_no_more_room_than_a_small_one() -> None:
    assert len(pickle.dumps(JobMap([range(1, 1_000_001)]))) < 200
    assert sys.getsizeof(JobMap([range(1, 1_000_001)])) < 200


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=4),
    st.slices(20),
    st.integers(-25, 25),
)
def test_a_job_map_behaves_like_the_list_of_its_jobs(
    parts: list[tuple[int, int]], places: slice, place: int
) -> None:
    ranges = [
        range(100 * n + first, 100 * n + first + count) for n, (first, count) in enumerate(parts)
    ]
    jobs, jids = JobMap(ranges), [jid for each in ranges for jid in each]
    assert list(jobs) == list(jobs.jids) == jids
    assert list(jobs[places]) == jids[places]
    assert [jid in jobs for jid in range(450)] == [jid in jids for jid in range(450)]
    if -len(jids) <= place < len(jids):
        assert jobs[place] == jids[place]
