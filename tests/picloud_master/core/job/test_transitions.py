"""Every cell of a job's table, a class per state."""

import pytest

from picloud.protocol.failures import FailureKind
from picloud.protocol.ids import Fence, WorkerId
from picloud.statemachine import InvalidTransition, Step, advance
from picloud_master.core.context import Context
from picloud_master.core.job import events
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import DELETE_REQUESTED, KILL_REQUESTED, JobEvent
from picloud_master.core.job.outputs import ANNOUNCE, FORGET, REQUEUE, RUN, Release, Stop
from picloud_master.core.job.states import (
    QUEUED,
    Done,
    Errored,
    JobState,
    Killed,
    Killing,
    Leased,
    Running,
)
from picloud_master.core.job.transitions import TRANSITIONS
from picloud_master.core.lease import Lease
from picloud_master.core.policy import Policy
from tests.support.builders import RAISED, a_job

NOW = 50.0
CONTEXT = Context(NOW, Policy(max_restarts=3))
LEASE = Lease(WorkerId(7), Fence(4))
LIVE, STALE = Fence(4), Fence(3)


def reports(fence: Fence) -> list[JobEvent]:
    """Everything that a worker, or its loss, can say of an attempt."""
    return [
        events.AttemptStarted(fence),
        events.AttemptSucceeded(fence, b"result", 0.5),
        events.AttemptFailed(fence, RAISED, 0.5),
        events.AttemptReturned(fence),
        events.AttemptLost(fence, "gone"),
    ]


def name(event: object) -> str:
    return type(event).__name__


def step(state: JobState, event: JobEvent, job: JobActor | None = None) -> Step:
    """The answer of a job in a state."""
    job = job or a_job()
    job.state = state
    outputs = advance(job, TRANSITIONS, event, CONTEXT)
    return Step(job.state, *outputs)


def is_refused(state: JobState, event: JobEvent) -> bool:
    with pytest.raises(InvalidTransition):
        step(state, event)
    return True


class TestQueued:
    def test_placing_it_leases_it_and_counts_an_attempt(self) -> None:
        job = a_job()
        assert step(QUEUED, events.Placed(LEASE), job) == Step(Leased(LEASE), RUN)
        assert job.attempts == 1

    def test_a_kill_ends_it_at_once(self) -> None:
        assert step(QUEUED, KILL_REQUESTED) == Step(Killed(NOW), ANNOUNCE)

    @pytest.mark.parametrize("event", reports(STALE), ids=name)
    def test_news_of_an_attempt_that_it_lost_is_late(self, event: JobEvent) -> None:
        assert step(QUEUED, event) == Step(QUEUED)

    def test_it_cannot_be_deleted(self) -> None:
        assert is_refused(QUEUED, DELETE_REQUESTED)


class Held:
    """What holds for a leased job as for a running one."""

    state: Leased | Running

    def test_a_result_ends_it(self) -> None:
        event = events.AttemptSucceeded(LIVE, b"result", 0.5)
        done = Done(b"result", 0.5, NOW)
        assert step(self.state, event) == Step(done, Release(LEASE), ANNOUNCE)

    def test_a_failure_ends_it_and_is_no_reason_to_restart(self) -> None:
        errored = Errored(RAISED, 0.5, NOW)
        event = events.AttemptFailed(LIVE, RAISED, 0.5)
        assert step(self.state, event) == Step(errored, Release(LEASE), ANNOUNCE)

    def test_an_attempt_given_back_does_not_count(self) -> None:
        job = a_job()
        job.attempts = 1
        answer = step(self.state, events.AttemptReturned(LIVE), job)
        assert answer == Step(QUEUED, Release(LEASE), REQUEUE)
        assert job.attempts == 0

    @pytest.mark.parametrize("attempts", [1, 2, 3])
    def test_a_lost_worker_requeues_it_three_times(self, attempts: int) -> None:
        job = a_job()
        job.attempts = attempts
        answer = step(self.state, events.AttemptLost(LIVE, "gone"), job)
        assert answer == Step(QUEUED, Release(LEASE), REQUEUE)

    def test_a_fourth_loss_ends_it(self) -> None:
        job = a_job()
        job.attempts = 4
        answer = step(self.state, events.AttemptLost(LIVE, "gone"), job)
        assert answer.outputs == (Release(LEASE), ANNOUNCE)
        assert answer.state.failure.kind is FailureKind.WORKER_LOST
        assert "started 4 times" in answer.state.failure.message

    def test_a_loss_ends_it_at_once_if_it_may_not_run_twice(self) -> None:
        job = a_job(restartable=False)
        job.attempts = 1
        answer = step(self.state, events.AttemptLost(LIVE, "gone"), job)
        assert answer.outputs == (Release(LEASE), ANNOUNCE)
        assert answer.state.failure.kind is FailureKind.WORKER_LOST
        assert "may have run" in answer.state.failure.message

    def test_a_kill_stops_it_and_is_its_outcome_already(self) -> None:
        assert step(self.state, KILL_REQUESTED) == Step(Killing(LEASE, NOW), Stop(LEASE), ANNOUNCE)

    @pytest.mark.parametrize("event", reports(STALE), ids=name)
    def test_news_with_another_fence_is_late(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)

    def test_it_is_not_placed_again_nor_deleted(self) -> None:
        assert is_refused(self.state, events.Placed(LEASE))
        assert is_refused(self.state, DELETE_REQUESTED)


class TestLeased(Held):
    state = Leased(LEASE)

    def test_a_start_makes_it_running(self) -> None:
        assert step(self.state, events.AttemptStarted(LIVE)) == Step(Running(LEASE, NOW))


class TestRunning(Held):
    state = Running(LEASE, 40.0)

    def test_a_start_repeated_changes_nothing(self) -> None:
        assert step(self.state, events.AttemptStarted(LIVE)) == Step(self.state)


class TestKilling:
    state = Killing(LEASE, 45.0)

    @pytest.mark.parametrize("event", reports(LIVE)[1:], ids=name)
    def test_however_the_attempt_ends_it_stays_killed(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(Killed(45.0), Release(LEASE))

    @pytest.mark.parametrize("event", reports(LIVE)[1:], ids=name)
    def test_once_hidden_it_is_forgotten_with_its_attempt(self, event: JobEvent) -> None:
        hidden = Killing(LEASE, 45.0, deleted=True)
        assert step(hidden, event) == Step(Killed(45.0), Release(LEASE), FORGET)

    @pytest.mark.parametrize(
        "event", [*reports(STALE), events.AttemptStarted(LIVE), KILL_REQUESTED], ids=name
    )
    def test_a_start_or_a_second_kill_or_stale_news_changes_nothing(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)

    def test_deleting_it_hides_it(self) -> None:
        job = a_job()
        answer = step(self.state, DELETE_REQUESTED, job)
        assert answer == Step(Killing(LEASE, 45.0, deleted=True))
        assert job.is_hidden

    def test_it_is_not_placed(self) -> None:
        assert is_refused(self.state, events.Placed(LEASE))


class Over:
    """What holds for every job with an outcome and without a lease."""

    state: Done | Errored | Killed

    @pytest.mark.parametrize("event", [*reports(LIVE), KILL_REQUESTED], ids=name)
    def test_nothing_changes_its_outcome(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)

    def test_deleting_it_forgets_it(self) -> None:
        assert step(self.state, DELETE_REQUESTED) == Step(self.state, FORGET)

    def test_it_is_not_placed(self) -> None:
        assert is_refused(self.state, events.Placed(LEASE))


class TestDone(Over):
    state = Done(b"result", 0.5, 45.0)


class TestErrored(Over):
    state = Errored(RAISED, 0.5, 45.0)


class TestKilled(Over):
    state = Killed(45.0)
