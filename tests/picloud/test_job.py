"""Handles of one job and of many."""

import copy
import json
import pickle
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud import errors
from picloud.job import Job, JobMap
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
