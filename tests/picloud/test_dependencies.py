"""The option `depends_on`: what may be given, what is asked for, and what is sent."""

from typing import Any

import pytest

from picloud import errors
from picloud.dependencies import Dependencies
from picloud.job import Elsewhere, Job, JobMap, job_of
from picloud.protocol.client_messages import AskStatus, SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def submitted(master: FakeMaster) -> list[tuple[int, int, list[int] | None, bool]]:
    return [
        (each.first, len(each.payloads), each.depends_on, each.ignore_errors)
        for each in master.told(SubmitJobs)
    ]


@pytest.mark.parametrize(
    ("jobs", "ranges"),
    [
        (5, [5, 6]),
        (Job(5), [5, 6]),
        (JobMap([range(3, 6), range(9, 10)]), [3, 6, 9, 10]),
        (JobMap([range(3, 9)])[::2], [3, 4, 5, 6, 7, 8]),
        ([9, JobMap([range(3, 6)]), Job(6), 9], [3, 7, 9, 10]),
        (iter([2, 1]), [1, 3]),
        ([], []),
    ],
)
def test_jobs_are_kept_as_ranges(jobs: Any, ranges: list[int]) -> None:
    assert Dependencies(jobs, ignore_errors=False).ranges == ranges


def test_a_hundred_thousand_are_no_problem(session: Session) -> None:
    jobs = session.map(double, range(100_000))
    assert Dependencies(list(jobs), ignore_errors=False).ranges == [1, 100_001]


@pytest.mark.parametrize("wrong", ["12", True, 1.5, [None], [[1]], {"a"}])
def test_what_is_no_job_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a job"):
        Dependencies(wrong, ignore_errors=False)


def test_a_number_that_no_job_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no job has the number"):
        Dependencies([-1], ignore_errors=False)


# ---------------------------------------------------------------------- sent


def test_own_jobs_are_sent_without_a_question(session: Session, master: FakeMaster) -> None:
    first = session.call(double, 1)
    jobs = session.map(double, range(3))
    last = session.call(double, 2, _depends_on=[jobs, first])
    ignoring = session.call(double, 2, _depends_on=jobs[1:], _depends_on_errors="ignore")
    session.result([last, ignoring])
    assert submitted(master)[-2:] == [(5, 1, [1, 5], False), (6, 1, [3, 5], True)]
    assert master.told(AskStatus) == []


def test_a_function_is_defined_once_whatever_its_jobs_wait_for(
    session: Session, master: FakeMaster
) -> None:
    job = session.call(double, 0)
    for n in range(5):
        job = session.call(double, n, _depends_on=job)
    session.result(job)
    assert len(master.told(DefineSpec)) == 1
    assert [ranges for _, _, ranges, _ in submitted(master)] == [
        None,
        *([n, n + 1] for n in range(1, 6)),
    ]


def test_all_jobs_of_a_map_share_what_they_wait_for(session: Session, master: FakeMaster) -> None:
    first = session.call(double, 1)
    session.result(session.options(depends_on=first).map(double, range(5)))
    assert submitted(master)[-1] == (2, 5, [1, 2], False)


def test_no_dependencies_are_none(session: Session, master: FakeMaster) -> None:
    session.result(session.call(double, 1, _depends_on=[]))
    session.result(session.call(double, 1, _depends_on=None))
    assert submitted(master) == [(1, 1, None, False), (2, 1, None, False)]


def test_an_unknown_one_is_refused_before_anything_is_sent(
    session: Session, master: FakeMaster
) -> None:
    with pytest.raises(errors.AccessDenied, match="no job 99"):
        session.call(double, 1, _depends_on=99)
    with pytest.raises(errors.AccessDenied, match="no job 99"):
        session.map(double, [1], _depends_on=[99])
    with pytest.raises(errors.AccessDenied, match="no job 99"):
        session.executor(depends_on=99).submit(double, 1)
    assert submitted(master) == []


def test_others_are_asked_for_once(master: FakeMaster, session: Session) -> None:
    session.result(session.map(double, range(3)))
    again = FakeMaster(jobs=master.jobs, next_jid=1 << 30)
    with again.session() as other:
        waiting = other.options(depends_on=[1, 2, 3])
        other.result([waiting.call(double, n) for n in range(3)])
    assert [question.jids for question in again.told(AskStatus)] == [[1, 2, 3]]


def test_jobs_of_another_cloud_are_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="another cloud session"):
        session.call(double, 1, _depends_on=job_of(1, Elsewhere("somewhere")))
