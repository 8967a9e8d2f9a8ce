"""Every cell of a job's table, a class per state."""

import pytest

from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import Fence, JobId, WorkerId
from picloud.statemachine import InvalidTransition, Step, advance
from picloud_master.core.context import Context
from picloud_master.core.job import events
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import (
    DELETE_REQUESTED,
    DEPENDENCIES_FINISHED,
    KILL_REQUESTED,
    PAUSE_ENDED,
    JobEvent,
)
from picloud_master.core.job.outputs import (
    ANNOUNCE,
    ENQUEUE,
    FORGET,
    JOIN,
    REQUEUE,
    RUN,
    Lend,
    Pause,
    Release,
    Stop,
    TakeCores,
)
from picloud_master.core.job.prerequisites import Prerequisites
from picloud_master.core.job.states import (
    QUEUED,
    Blocked,
    Delayed,
    Done,
    Errored,
    Following,
    JobState,
    Killed,
    Killing,
    Leased,
    Running,
    Stalled,
    Waiting,
)
from picloud_master.core.job.transitions import NEVER_RETRIED, TRANSITIONS
from picloud_master.core.lease import Lease
from picloud_master.core.policy import Policy
from tests.support.builders import RAISED, a_job

NOW = 50.0
CONTEXT = Context(NOW, Policy(max_restarts=3))
LEASE = Lease(WorkerId(7), Fence(4))
LIVE, STALE = Fence(4), Fence(3)
ENDS = slice(3, None)
"""Of all reports, those of an attempt's end."""


def reports(fence: Fence) -> list[JobEvent]:
    """Everything that a worker, or its loss, can say of an attempt."""
    return [
        events.AttemptStarted(fence),
        events.AttemptWaits(fence),
        events.AttemptResumed(fence),
        events.AttemptSucceeded(fence, b"result", 0.5),
        events.AttemptFailed(fence, RAISED, 0.5),
        events.AttemptReturned(fence),
        events.AttemptLost(fence, "gone"),
    ]


def name(event: object) -> str:
    return type(event).__name__


FAILED_BY_LOSS = events.AttemptFailed(LIVE, Failure(FailureKind.WORKER_LOST, "gone"), 0.5)
LOSSES = [events.AttemptLost(LIVE, "gone"), FAILED_BY_LOSS]
losses = pytest.mark.parametrize("loss", LOSSES, ids=name)


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

    def test_a_new_one_may_have_to_wait(self) -> None:
        prerequisites = Prerequisites([JobId(5)], False)
        event = events.DependenciesNamed(prerequisites)
        assert step(QUEUED, event) == Step(Blocked(prerequisites))


class TestBlocked:
    state = Blocked(Prerequisites([JobId(5)], False))

    def test_it_is_released_into_the_queue(self) -> None:
        assert step(self.state, DEPENDENCIES_FINISHED) == Step(QUEUED, ENQUEUE)

    def test_it_stalls_with_what_it_depends_on(self) -> None:
        event = events.DependencyFailed(RAISED, "job 5 failed")
        stalled = Stalled(RAISED, "job 5 failed", NOW)
        assert step(self.state, event) == Step(stalled, ANNOUNCE)

    def test_a_kill_ends_it_at_once(self) -> None:
        assert step(self.state, KILL_REQUESTED) == Step(Killed(NOW), ANNOUNCE)

    def test_it_is_granted_ahead_and_that_counts_no_attempt_yet(self) -> None:
        job = a_job()
        following = Following(LEASE, self.state.prerequisites)
        assert step(self.state, events.PlacedAhead(LEASE), job) == Step(following, RUN)
        assert job.attempts == 0

    def test_it_is_not_placed(self) -> None:
        assert is_refused(self.state, events.Placed(LEASE))

    @pytest.mark.parametrize("event", reports(STALE), ids=name)
    def test_news_of_an_attempt_that_followed_what_did_not_count_is_late(
        self, event: JobEvent
    ) -> None:
        assert step(self.state, event) == Step(self.state)


class TestFollowing:
    prerequisites = Prerequisites([JobId(5)], False)
    state = Following(LEASE, prerequisites)
    blocked = Blocked(prerequisites)

    def test_with_what_it_follows_it_is_leased_and_has_its_cores(self) -> None:
        leased = Step(Leased(LEASE), TakeCores(LEASE), JOIN)
        assert step(self.state, DEPENDENCIES_FINISHED) == leased

    def test_it_stalls_and_is_stopped_if_it_has_begun(self) -> None:
        event = events.DependencyFailed(RAISED, "job 5 failed")
        stalled = Stalled(RAISED, "job 5 failed", NOW)
        ended = TakeCores(LEASE), Stop(LEASE), Release(LEASE), ANNOUNCE
        assert step(self.state, event) == Step(stalled, *ended)

    def test_a_kill_stops_it(self) -> None:
        killing = Step(Killing(LEASE, NOW), TakeCores(LEASE), Stop(LEASE), ANNOUNCE)
        assert step(self.state, KILL_REQUESTED) == killing

    @pytest.mark.parametrize(
        "event", [events.AttemptReturned(LIVE), events.AttemptLost(LIVE, "gone")], ids=name
    )
    def test_without_what_it_follows_it_waits_again_and_nothing_counts(
        self, event: JobEvent
    ) -> None:
        job = a_job()
        waits = Step(self.blocked, TakeCores(LEASE), Release(LEASE))
        assert step(self.state, event, job) == waits
        assert job.attempts == 0

    @pytest.mark.parametrize(
        "event",
        [
            events.AttemptStarted(LIVE),
            events.AttemptWaits(LIVE),
            events.AttemptSucceeded(LIVE, b"result", 0.5),
            events.AttemptFailed(LIVE, RAISED, 0.5),
        ],
        ids=name,
    )
    def test_what_it_does_before_that_counts_comes_to_nothing(self, event: JobEvent) -> None:
        ended = TakeCores(LEASE), Stop(LEASE), Release(LEASE)
        assert step(self.state, event) == Step(self.blocked, *ended)

    @pytest.mark.parametrize("event", reports(STALE), ids=name)
    def test_news_with_another_fence_is_late(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)


class TestDelayed:
    state = Delayed(60.0)

    def test_after_its_pause_it_goes_ahead_of_younger_jobs(self) -> None:
        assert step(self.state, PAUSE_ENDED) == Step(QUEUED, REQUEUE)

    def test_a_kill_ends_it_at_once(self) -> None:
        assert step(self.state, KILL_REQUESTED) == Step(Killed(NOW), ANNOUNCE)

    @pytest.mark.parametrize("event", reports(STALE), ids=name)
    def test_news_of_the_attempt_that_failed_is_late(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)

    def test_it_is_not_placed_nor_deleted(self) -> None:
        assert is_refused(self.state, events.Placed(LEASE))
        assert is_refused(self.state, DELETE_REQUESTED)


class Held:
    """What holds for a leased job as for a running one, and for one that lends its cores."""

    state: Leased | Running | Waiting
    before: tuple[TakeCores, ...] = ()
    """What comes ahead of everything else if it leaves its worker."""

    def test_a_result_ends_it(self) -> None:
        event = events.AttemptSucceeded(LIVE, b"result", 0.5)
        done = Done(b"result", 0.5, NOW, LEASE)
        assert step(self.state, event) == Step(done, *self.before, Release(LEASE), ANNOUNCE)

    def test_a_failure_ends_it_and_is_no_reason_to_restart(self) -> None:
        errored = Errored(RAISED, 0.5, NOW, LEASE)
        event = events.AttemptFailed(LIVE, RAISED, 0.5)
        assert step(self.state, event) == Step(errored, *self.before, Release(LEASE), ANNOUNCE)

    def test_a_failure_is_followed_by_as_many_retries_as_it_asked_for(self) -> None:
        job = a_job(retries=1)
        event = events.AttemptFailed(LIVE, RAISED, 0.5)
        again = Step(QUEUED, *self.before, Release(LEASE), REQUEUE)
        assert step(self.state, event, job) == again
        assert type(step(self.state, event, job).state) is Errored
        assert job.retried == 1

    def test_it_pauses_before_a_retry_if_it_asked_for_that(self) -> None:
        job = a_job(retries=1, retry_delay=7.0)
        event = events.AttemptFailed(LIVE, RAISED, 0.5)
        pause = Step(Delayed(NOW + 7.0), *self.before, Release(LEASE), Pause(NOW + 7.0))
        assert step(self.state, event, job) == pause

    @pytest.mark.parametrize("kind", sorted(NEVER_RETRIED, key=str))
    def test_what_would_only_fail_again_is_not_retried(self, kind: FailureKind) -> None:
        event = events.AttemptFailed(LIVE, Failure(kind, "text"), 0.5)
        assert type(step(self.state, event, a_job(retries=5)).state) is Errored

    def test_an_attempt_given_back_does_not_count(self) -> None:
        job = a_job()
        job.attempts = 1
        answer = step(self.state, events.AttemptReturned(LIVE), job)
        assert answer == Step(QUEUED, *self.before, Release(LEASE), REQUEUE)
        assert job.attempts == 0

    @losses
    @pytest.mark.parametrize("attempts", [1, 2, 3])
    def test_a_loss_requeues_it_three_times(self, attempts: int, loss: JobEvent) -> None:
        job = a_job(retries=9)
        job.attempts = attempts
        answer = step(self.state, loss, job)
        assert job.retried == 0
        assert answer == Step(QUEUED, *self.before, Release(LEASE), REQUEUE)

    def test_retries_do_not_count_as_losses(self) -> None:
        job = a_job(retries=9)
        job.attempts, job.retried = 5, 2
        answer = step(self.state, events.AttemptLost(LIVE, "gone"), job)
        assert answer.state == QUEUED

    @losses
    @pytest.mark.parametrize(("attempts", "why"), [(4, "started 4 times"), (1, "may have run")])
    def test_a_fourth_loss_ends_it_and_the_first_one_if_it_may_not_run_twice(
        self, attempts: int, why: str, loss: JobEvent
    ) -> None:
        job = a_job(restartable=attempts > 1)
        job.attempts = attempts
        answer = step(self.state, loss, job)
        assert answer.outputs == (*self.before, Release(LEASE), ANNOUNCE)
        assert answer.state.failure.kind is FailureKind.WORKER_LOST
        assert why in answer.state.failure.message

    def test_a_kill_stops_it_and_is_its_outcome_already(self) -> None:
        started = getattr(self.state, "started", None)
        killing = Step(Killing(LEASE, NOW, started), *self.before, Stop(LEASE), ANNOUNCE)
        assert step(self.state, KILL_REQUESTED) == killing

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

    def test_it_may_wait_before_anybody_heard_that_it_runs(self) -> None:
        waiting = Step(Waiting(LEASE, NOW), Lend(LEASE))
        assert step(self.state, events.AttemptWaits(LIVE)) == waiting

    def test_a_wake_up_says_nothing_new(self) -> None:
        assert step(self.state, events.AttemptResumed(LIVE)) == Step(self.state)


class TestRunning(Held):
    state = Running(LEASE, 40.0)

    def test_a_start_repeated_changes_nothing(self) -> None:
        assert step(self.state, events.AttemptStarted(LIVE)) == Step(self.state)

    def test_it_lends_its_cores_while_it_waits(self) -> None:
        waiting = Step(Waiting(LEASE, 40.0), Lend(LEASE))
        assert step(self.state, events.AttemptWaits(LIVE)) == waiting

    def test_a_wake_up_says_nothing_new(self) -> None:
        assert step(self.state, events.AttemptResumed(LIVE)) == Step(self.state)


class TestWaiting(Held):
    state = Waiting(LEASE, 40.0)
    before = (TakeCores(LEASE),)

    def test_it_runs_on_with_its_cores(self) -> None:
        running = Step(Running(LEASE, 40.0), TakeCores(LEASE))
        assert step(self.state, events.AttemptResumed(LIVE)) == running

    @pytest.mark.parametrize(
        "event", [events.AttemptStarted(LIVE), events.AttemptWaits(LIVE)], ids=name
    )
    def test_its_start_or_its_sleep_said_again_changes_nothing(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)


class TestKilling:
    state = Killing(LEASE, 45.0, 41.0)

    @pytest.mark.parametrize("event", reports(LIVE)[ENDS], ids=name)
    def test_however_the_attempt_ends_it_stays_killed(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(Killed(45.0, LEASE, 41.0), Release(LEASE))

    @pytest.mark.parametrize("event", reports(LIVE)[ENDS], ids=name)
    def test_once_hidden_it_is_forgotten_with_its_attempt(self, event: JobEvent) -> None:
        hidden = Killing(LEASE, 45.0, deleted=True)
        assert step(hidden, event) == Step(Killed(45.0, LEASE), Release(LEASE), FORGET)

    @pytest.mark.parametrize(
        "event", [*reports(STALE), *reports(LIVE)[:3], KILL_REQUESTED], ids=name
    )
    def test_a_start_or_a_second_kill_or_stale_news_changes_nothing(self, event: JobEvent) -> None:
        assert step(self.state, event) == Step(self.state)

    def test_deleting_it_hides_it(self) -> None:
        job = a_job()
        answer = step(self.state, DELETE_REQUESTED, job)
        assert answer == Step(Killing(LEASE, 45.0, 41.0, deleted=True))
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


class TestStalled(Over):
    state = Stalled(RAISED, "job 5 failed", 45.0)
