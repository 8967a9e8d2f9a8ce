"""What proves that a handle was not guessed, and where it travels."""

import pickle

import pytest

from picloud.grants import Grant, Secrets, parts_of, spans
from picloud.job import Elsewhere, Job, JobMap, grants_of, job_of, loading
from picloud.protocol.capabilities import block_secret, is_valid
from picloud.protocol.limits import JIDS_PER_BLOCK, MAX_WHOLES
from picloud.session import Session
from tests.support.fake_master import FakeMaster

KEY = b"the master's"


def secrets_of(*firsts: int) -> Secrets:
    secrets = Secrets()
    for first in firsts:
        secrets.add(first, block_secret(KEY, first))
    return secrets


def session_with(secrets: Secrets) -> Session:
    session = FakeMaster().session()
    session._secrets = secrets
    return session


def test_a_session_makes_grants_of_its_own_jobs() -> None:
    [(first, stop, capability, wholes)] = secrets_of(1).grants(5, 8)
    assert (first, stop, wholes) == (5, 8, ())
    assert is_valid(KEY, 5, 8, capability)
    assert not is_valid(KEY, 5, 9, capability)


def test_jobs_of_two_blocks_have_two_grants_and_those_of_others_none() -> None:
    edge = JIDS_PER_BLOCK + 1
    grants = secrets_of(1, edge).grants(edge - 2, edge + 2)
    assert [grant[:2] for grant in grants] == [(edge - 2, edge), (edge, edge + 2)]
    assert all(is_valid(KEY, *each) for each in grants)
    assert secrets_of(1).grants(edge, edge + 2) == []


def test_a_master_without_secrets_gives_no_grants() -> None:
    secrets = Secrets()
    secrets.add(1, b"")
    assert secrets.grants(1, 5) == []


@pytest.mark.parametrize(
    ("jids", "expected"),
    [
        (range(3, 6), [(3, 6)]),
        (range(5, 2, -1), [(3, 6)]),
        (range(3, 8, 2), [(3, 4), (5, 6), (7, 8)]),
    ],
)
def test_a_range_is_said_without_gaps(jids: range, expected: list[tuple[int, int]]) -> None:
    assert list(spans(jids)) == expected


# ---------------------------------------------------------------------- handles


def test_a_handle_carries_its_own_grant_and_keeps_it() -> None:
    session = session_with(secrets_of(1))
    again = pickle.loads(pickle.dumps(job_of(7, session)))
    [grant] = grants_of(again)
    assert grant[:2] == (7, 8)
    assert is_valid(KEY, *grant)
    assert grants_of(pickle.loads(pickle.dumps(again))) == [grant]


def test_a_map_carries_one_grant_for_each_range() -> None:
    jobs = JobMap([range(3, 6), range(9, 12)], session_with(secrets_of(1)))
    again = pickle.loads(pickle.dumps(jobs))
    assert [grant[:2] for grant in grants_of(again)] == [(3, 6), (9, 12)]
    assert again == jobs


def test_an_item_of_a_map_carries_no_more_than_itself() -> None:
    jobs = JobMap([range(3, 6)], session_with(secrets_of(1)))
    item = pickle.loads(pickle.dumps(jobs[1]))
    assert [grant[:2] for grant in grants_of(item)] == [(4, 5)]


def test_an_item_of_a_loaded_map_shows_what_it_came_with() -> None:
    jobs = JobMap([range(3, 6), range(9, 12)], session_with(secrets_of(1)))
    again = pickle.loads(pickle.dumps(jobs))
    assert [grant[:2] for grant in grants_of(again[4])] == [(9, 12)]
    assert [grants_of(job)[0][:2] for job in again] == [(3, 6)] * 3 + [(9, 12)] * 3


def loaded_parts(handle: Job | JobMap) -> list[tuple[int, int]]:
    """What a handle proves where it is loaded, if it does."""
    grants = grants_of(pickle.loads(pickle.dumps(handle)))
    assert all(is_valid(KEY, *grant) for grant in grants)
    return [grant[:2] for grant in grants]


def test_but_it_passes_on_no_more_than_itself() -> None:
    jobs = JobMap([range(3, 6), range(9, 12)], session_with(secrets_of(1)))
    again = pickle.loads(pickle.dumps(jobs))
    assert [loaded_parts(job) for job in again] == [[(n, n + 1)] for n in jobs.jids]
    assert loaded_parts(again[2:5]) == [(5, 6), (9, 11)]
    assert loaded_parts(again[::-1]) == [(n, n + 1) for n in jobs.jids]
    assert loaded_parts(again) == [(3, 6), (9, 12)]


def test_so_does_an_item_of_a_part_that_was_passed_on() -> None:
    again = JobMap([range(1, 101)], session_with(secrets_of(1)))
    for _ in range(3):
        again = pickle.loads(pickle.dumps(again))[1:-1]
    assert loaded_parts(again) == [(4, 98)]
    assert loaded_parts(again[0]) == [(4, 5)]


def test_a_map_that_is_halved_as_often_as_can_be_proves_its_jobs() -> None:
    part = JobMap([range(1, 1 + (1 << MAX_WHOLES))], session_with(secrets_of(1)))
    while len(part) > 1:
        part = pickle.loads(pickle.dumps(part))[: len(part) // 2]
    assert loaded_parts(part) == [(1, 2)]


def test_what_was_cut_more_often_proves_nothing_and_goes_on() -> None:
    again = JobMap([range(1, 101)], session_with(secrets_of(1)))
    for _ in range(MAX_WHOLES + 2):
        again = pickle.loads(pickle.dumps(again))[1:]
    assert loaded_parts(again) == []
    assert list(pickle.loads(pickle.dumps(again))) == list(range(MAX_WHOLES + 3, 101))


@pytest.mark.parametrize(
    ("first", "stop", "expected"),
    [(3, 6, [(3, 6)]), (1, 20, [(3, 6), (9, 12)]), (6, 9, []), (5, 10, [(5, 6), (9, 10)])],
    ids=["one of them", "around all", "between", "over the gap"],
)
def test_parts_lie_in_their_wholes(first: int, stop: int, expected: list[tuple[int, int]]) -> None:
    grants: list[Grant] = [*secrets_of(1).grants(3, 6), *secrets_of(1).grants(9, 12)]
    parts = list(parts_of(grants, first, stop))
    assert [part[:2] for part in parts] == expected
    assert all(is_valid(KEY, *part) for part in parts)


def test_a_slice_carries_what_it_needs() -> None:
    session = session_with(secrets_of(1))
    jobs = JobMap([range(3, 6), range(9, 12)], session)
    assert [grant[:2] for grant in grants_of(jobs[1:4])] == [(4, 6), (9, 10)]
    assert [grant[:2] for grant in grants_of(jobs[::-1][:2])] == [(10, 11), (11, 12)]
    again = pickle.loads(pickle.dumps(jobs))
    assert [grant[:2] for grant in grants_of(again[:2])] == [(3, 6)]
    strided = JobMap([range(1, 100)], session)[::2]
    assert [grant[:2] for grant in grants_of(strided)] == [(n, n + 1) for n in range(1, 100, 2)]


def test_a_handle_of_others_carries_nothing() -> None:
    session = session_with(secrets_of(1))
    assert grants_of(Job(7)) == []
    assert grants_of(job_of(JIDS_PER_BLOCK + 9, session)) == []
    assert grants_of(JobMap([range(1, 3)], Elsewhere("x"))) == []


def test_a_handle_made_inside_a_job_is_of_the_session_that_reads_the_result() -> None:
    session = session_with(Secrets())
    data = pickle.dumps([Job(7), JobMap([range(8, 10)])])  # neither has an origin
    with loading(session):
        job, jobs = pickle.loads(data)
    assert (job._session, jobs._session) == (session, session)
    assert pickle.loads(data)[0]._session is None
