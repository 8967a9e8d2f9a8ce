"""Jobs that are granted ahead, to the worker of what they wait for."""

from typing import Any

import pytest

from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.worker_messages import JobSaid, RunJobs, StopAttempts
from picloud_master.core.job.states import Blocked, Following, Leased, Stalled
from tests.support.builders import Master, a_spec

SPEC = SpecNumber(5)


class Line:
    """A worker with room for several jobs, and a client whose jobs depend on each other."""

    def __init__(self, cores: int = 2, **options: Any) -> None:
        self.master = Master()
        self.client = self.master.client()
        self.client.says(DefineSpec(SPEC, a_spec(**options), b"code"))
        self.worker = self.master.worker(cores)
        self._next = JobId(self.client.block)

    def makes(self, *depends_on: JobId, count: int = 1, ignore: bool = False) -> JobId:
        """Submit jobs; the first of them."""
        first, self._next = self._next, JobId(self._next + count)
        named = [bound for jid in depends_on for bound in (int(jid), jid + 1)]
        payloads = [b""] * count
        self.client.says(SubmitJobs(SPEC, first, payloads, False, named or None, ignore))
        return first

    def state(self, jid: JobId) -> type:
        return type(self.master.job(jid).state)


def test_a_job_goes_ahead_to_the_worker_of_what_it_waits_for() -> None:
    line = Line()
    leader = line.makes()
    follower = line.makes(leader)
    assert line.state(follower) is Following
    assert line.worker.heard(RunJobs)[-1].leaders == [[leader]]
    assert line.master.statuses([follower]) == ["waiting"]


def test_a_chain_goes_ahead_as_far_as_there_is_room() -> None:
    line = Line()
    chain = [line.makes()]
    for _ in range(9):
        chain.append(line.makes(chain[-1]))
    ahead = [jid for jid in chain if line.state(jid) is Following]
    assert ahead == chain[1:4]  # with the leader as many as two windows of two cores
    line.worker.says(line.worker.done(chain[0]))
    assert line.state(chain[1]) is Leased
    line.worker.says(line.worker.done(*chain[1:4]))
    assert [line.state(jid) for jid in chain[4:8]] == [Leased, *[Following] * 3]


def test_one_that_waits_for_several_goes_where_all_of_them_are() -> None:
    line = Line()
    here, also_here = line.makes(), line.makes()
    follower = line.makes(here, also_here)
    assert line.worker.heard(RunJobs)[-1].leaders == [[here, also_here]]
    line.worker.says(line.worker.done(here))
    assert line.state(follower) is Following
    line.worker.says(line.worker.done(also_here))
    assert line.state(follower) is Leased


def test_one_whose_leaders_are_apart_waits_at_the_master() -> None:
    line = Line(cores=1)
    line.master.worker(1)
    assert line.state(line.makes(line.makes(), line.makes())) is Blocked


def test_what_follows_may_be_reported_along_with_what_it_followed() -> None:
    line = Line()
    chain = [line.makes()]
    for _ in range(3):
        chain.append(line.makes(chain[-1]))
    line.worker.says(line.worker.done(*chain))
    assert line.master.statuses(chain) == ["done"] * 4


def test_nobody_is_granted_ahead_while_others_wait_for_the_cores() -> None:
    line = Line(cores=1)
    leader = line.makes()
    line.makes()
    assert line.state(line.makes(leader)) is Blocked


@pytest.mark.parametrize(
    "how", [{"ignore": True}, {"count": 2}], ids=["errors do not matter", "a map"]
)
def test_what_would_follow_in_another_way_waits_at_the_master(how: dict[str, Any]) -> None:
    line = Line()
    assert line.state(line.makes(line.makes(), **how)) is Blocked


def test_what_may_start_only_once_neither_leads_nor_follows() -> None:
    line = Line(restartable=False)
    assert line.state(line.makes(line.makes())) is Blocked


def test_when_its_leader_fails_it_stalls_and_is_stopped() -> None:
    line = Line()
    leader = line.makes()
    follower = line.makes(leader)
    fence = line.worker.fence(follower)
    line.worker.says(line.worker.failed(leader))
    assert line.state(follower) is Stalled
    assert line.worker.heard(StopAttempts)[-1] == StopAttempts([follower], [fence])


def test_when_its_leader_is_killed_what_it_has_done_comes_to_nothing() -> None:
    line = Line()
    leader = line.makes()
    follower = line.makes(leader)
    fences = line.worker.done(leader, follower)
    line.client.kills(leader)
    line.worker.says(fences)
    assert line.master.statuses([leader, follower]) == ["killed", "stalled"]


def test_given_back_with_its_leader_it_follows_that_again() -> None:
    line = Line()
    leader = line.makes()
    follower = line.makes(leader)
    before = line.worker.fence(follower)
    line.worker.says(line.worker.returned(leader, follower))
    assert line.state(follower) is Following
    assert line.worker.fence(follower) > before
    assert line.master.job(follower).attempts == 0


def test_given_back_after_its_leader_returned_it_is_placed_anew() -> None:
    line = Line()
    leader = line.makes()
    follower = line.makes(leader)
    line.worker.says(line.worker.done(leader), line.worker.returned(follower))
    assert line.state(follower) is Leased


def test_lost_with_its_leader_it_follows_that_to_another_worker() -> None:
    line = Line()
    leader = line.makes()
    follower = line.makes(leader)
    other = line.master.worker(2)
    line.master.hears(line.worker.lost())
    assert other.heard(RunJobs)[-1].leaders == [[], [leader]]
    assert line.state(follower) is Following
    assert line.master.job(follower).attempts == 0


def test_what_it_says_before_its_leaders_return_counts_is_not_heard() -> None:
    line = Line()
    follower = line.makes(line.makes())
    line.worker.says(JobSaid(follower, line.worker.fence(follower), b"no frame"))
    assert line.state(follower) is Following
