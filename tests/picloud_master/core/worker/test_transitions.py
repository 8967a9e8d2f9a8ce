"""Every cell of a worker's table."""

import pytest

from picloud.protocol.ids import JobId, WorkerId
from picloud.protocol.jobs import SlotPool
from picloud.statemachine import InvalidTransition, advance
from picloud_master.core.context import Context
from picloud_master.core.policy import Policy
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.events import (
    CoresLent,
    CoresTaken,
    LeasesEnded,
    LeasesGranted,
    LinkLost,
    WindowChanged,
    WorkerEvent,
)
from picloud_master.core.worker.states import ACTIVE, Gone
from picloud_master.core.worker.transitions import TRANSITIONS

GRANT = LeasesGranted(1, [JobId(5), JobId(6)], 4)


def a_worker() -> WorkerActor:
    return WorkerActor(WorkerId(1), "node", [SlotPool(["c1"], 2), SlotPool(["m1"], 8)], "3.11")


def tell(worker: WorkerActor, *events: WorkerEvent) -> WorkerActor:
    for event in events:
        assert (
            advance(worker, TRANSITIONS, event, Context(1.0, Policy(max_leases_per_core=9))) == ()
        )
    return worker


class TestActive:
    def test_a_grant_takes_room_in_its_pool(self) -> None:
        worker = tell(a_worker(), GRANT)
        assert worker.leases == {5: 1, 6: 1}
        assert worker.leased_cores == [0, 4]
        assert (worker.room(1), worker.idle_cores(1), worker.bound_cores(1)) == (4, 4, 0)

    def test_an_ended_lease_gives_its_room_back(self) -> None:
        worker = tell(a_worker(), GRANT, LeasesEnded([JobId(5)], [2]))
        assert worker.leases == {6: 1}
        assert worker.leased_cores == [0, 2]

    def test_a_sleeping_job_lends_its_cores_and_keeps_its_lease(self) -> None:
        worker = tell(a_worker(), GRANT, CoresLent(JobId(5), 2))
        assert worker.leases == {5: 1, 6: 1}
        assert (worker.leased_cores, worker.room(1)) == ([0, 2], 6)

    def test_it_takes_them_back_whoever_has_them(self) -> None:
        full = LeasesGranted(1, [JobId(7)], 6)
        worker = tell(a_worker(), GRANT, CoresLent(JobId(5), 2), full, CoresTaken(JobId(5), 2))
        assert (worker.leased_cores, worker.room(1)) == ([0, 10], -2)

    def test_only_what_ranks_as_high_counts_against_the_window(self) -> None:
        nested = LeasesGranted(1, [JobId(8), JobId(9)], 3, rank=2)
        worker = tell(a_worker(), GRANT, nested)
        assert [worker.room(1, rank) for rank in range(4)] == [1, 5, 5, 8]
        tell(worker, CoresLent(JobId(8), 2, rank=2))
        assert [worker.room(1, rank) for rank in range(4)] == [3, 7, 7, 8]
        tell(worker, CoresTaken(JobId(8), 2, rank=2))
        tell(worker, LeasesEnded([JobId(8), JobId(9), JobId(5)], [2, 1, 2], {8: 2, 9: 2}))
        assert (worker.room(1), worker.nested_cores) == (6, [{}, {}])

    @pytest.mark.parametrize(("wanted", "window"), [(4, 4), (0, 1), (-3, 1), (10_000, 9)])
    def test_its_window_follows_its_wish_within_limits(self, wanted: int, window: int) -> None:
        assert tell(a_worker(), WindowChanged(wanted)).window == window

    def test_leases_beyond_its_cores_are_bound(self) -> None:
        worker = tell(a_worker(), WindowChanged(2), LeasesGranted(0, [JobId(5), JobId(6)], 4))
        assert (worker.room(0), worker.idle_cores(0), worker.bound_cores(0)) == (0, 0, 2)

    def test_it_is_gone_with_its_link(self) -> None:
        assert tell(a_worker(), LinkLost("broken")).state == Gone("broken")


class TestGone:
    def test_its_leases_are_still_counted_down(self) -> None:
        worker = tell(a_worker(), GRANT, LinkLost("x"), LeasesEnded([JobId(5), JobId(6)], [2, 2]))
        assert worker.leases == {}
        assert worker.leased_cores == [0, 0]

    def test_lent_cores_are_counted_before_their_lease_ends(self) -> None:
        lost = tell(a_worker(), GRANT, CoresLent(JobId(5), 2), LinkLost("x"))
        ended = tell(lost, CoresTaken(JobId(5), 2), LeasesEnded([JobId(5), JobId(6)], [2, 2]))
        assert ended.leased_cores == [0, 0]

    @pytest.mark.parametrize("event", [WindowChanged(4), LinkLost("again")])
    def test_a_wish_or_a_second_loss_is_late(self, event: WorkerEvent) -> None:
        worker = tell(a_worker(), LinkLost("broken"), event)
        assert (worker.state, worker.window) == (Gone("broken"), 1)

    def test_nothing_is_placed_there(self) -> None:
        worker = tell(a_worker(), LinkLost("broken"))
        with pytest.raises(InvalidTransition):
            tell(worker, GRANT)
        assert worker.state != ACTIVE
