"""What each event means to a job in each state; the table at the end is the machine."""

from picloud.protocol.failures import Failure, FailureKind
from picloud.statemachine import Step, Table
from picloud_master.core.context import Context
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    AttemptSucceeded,
    DeleteRequested,
    JobEvent,
    KillRequested,
    Placed,
)
from picloud_master.core.job.outputs import ANNOUNCE, FORGET, REQUEUE, RUN, Release, Stop
from picloud_master.core.job.states import (
    QUEUED,
    Done,
    Errored,
    JobState,
    Killed,
    Killing,
    Leased,
    Queued,
    Running,
)

# ------------------------------------------------------------------ queued


def placed(job: JobActor, state: Queued, event: Placed, context: Context) -> Step:
    """A worker has room."""
    job.attempts += 1
    return Step(Leased(event.lease), RUN)


def killed_unplaced(job: JobActor, state: Queued, event: KillRequested, context: Context) -> Step:
    """Nothing runs yet: the job is over at once."""
    return Step(Killed(context.now), ANNOUNCE)


# ------------------------------------------------------------------ leased or running


def started(job: JobActor, state: Leased, event: AttemptStarted, context: Context) -> Step:
    """The worker has begun."""
    if event.fence != state.lease.fence:
        return Step(state)
    return Step(Running(state.lease, context.now))


def succeeded(
    job: JobActor, state: Leased | Running, event: AttemptSucceeded, context: Context
) -> Step:
    """The attempt's result is the job's."""
    if event.fence != state.lease.fence:
        return Step(state)
    done = Done(event.result, event.runtime, context.now)
    return Step(done, Release(state.lease), ANNOUNCE)


def failed(job: JobActor, state: Leased | Running, event: AttemptFailed, context: Context) -> Step:
    """The attempt's failure is the job's: an exception is an outcome, no reason to restart."""
    if event.fence != state.lease.fence:
        return Step(state)
    errored = Errored(event.failure, event.runtime, context.now)
    return Step(errored, Release(state.lease), ANNOUNCE)


def returned(
    job: JobActor, state: Leased | Running, event: AttemptReturned, context: Context
) -> Step:
    """It never started there; it is placed anew, ahead of younger jobs."""
    if event.fence != state.lease.fence:
        return Step(state)
    job.attempts -= 1
    return Step(QUEUED, Release(state.lease), REQUEUE)


def lost(job: JobActor, state: Leased | Running, event: AttemptLost, context: Context) -> Step:
    """Nobody knows what became of the attempt: run again if the job allows it, else end."""
    if event.fence != state.lease.fence:
        return Step(state)
    if job.spec.restartable and job.attempts <= context.policy.max_restarts:
        return Step(QUEUED, Release(state.lease), REQUEUE)
    return Step(
        Errored(_loss(job, event), 0.0, context.now),
        Release(state.lease),
        ANNOUNCE,
    )


def _loss(job: JobActor, event: AttemptLost) -> Failure:
    if job.spec.restartable:
        text = (
            f"{event.text}; the job was started {job.attempts} times and lost its worker each time"
        )
    else:
        text = f"{event.text}; the job may have run, and it is not restartable"
    return Failure(FailureKind.WORKER_LOST, text)


def killing(job: JobActor, state: Leased | Running, event: KillRequested, context: Context) -> Step:
    """From here on no result can appear; the worker ends the attempt and its processes."""
    return Step(Killing(state.lease, context.now), Stop(state.lease), ANNOUNCE)


# ------------------------------------------------------------------ killing


def attempt_over(
    job: JobActor,
    state: Killing,
    event: AttemptSucceeded | AttemptFailed | AttemptReturned | AttemptLost,
    context: Context,
) -> Step:
    """However the attempt ended, the worker has room again and the job stays killed."""
    if event.fence != state.lease.fence:
        return Step(state)
    if state.deleted:
        return Step(Killed(state.finished), Release(state.lease), FORGET)
    return Step(Killed(state.finished), Release(state.lease))


def deleted_while_killing(
    job: JobActor, state: Killing, event: DeleteRequested, context: Context
) -> Step:
    """Hidden from now on; its lease still lives."""
    return Step(Killing(state.lease, state.finished, deleted=True))


# ------------------------------------------------------------------ over


def deleted(
    job: JobActor, state: Done | Errored | Killed, event: DeleteRequested, context: Context
) -> Step:
    """It is over and may be forgotten."""
    return Step(state, FORGET)


# ------------------------------------------------------------------ late on purpose


def late(job: JobActor, state: JobState, event: JobEvent, context: Context) -> Step:
    """News of an attempt whose lease is over, or of a wish that came too late: nothing changes.

    A queued job can hear of an earlier attempt that it lost; a job with an outcome of a kill that
    crossed its result; a running or dying one that it started, or is to be killed, once more.
    """
    return Step(state)


_LATE_REPORTS = {
    AttemptStarted: late,
    AttemptSucceeded: late,
    AttemptFailed: late,
    AttemptReturned: late,
    AttemptLost: late,
}
_OVER = {**_LATE_REPORTS, KillRequested: late, DeleteRequested: deleted}

TRANSITIONS: Table = {
    Queued: {Placed: placed, KillRequested: killed_unplaced, **_LATE_REPORTS},
    Leased: {
        AttemptStarted: started,
        AttemptSucceeded: succeeded,
        AttemptFailed: failed,
        AttemptReturned: returned,
        AttemptLost: lost,
        KillRequested: killing,
    },
    Running: {
        AttemptStarted: late,
        AttemptSucceeded: succeeded,
        AttemptFailed: failed,
        AttemptReturned: returned,
        AttemptLost: lost,
        KillRequested: killing,
    },
    Killing: {
        AttemptStarted: late,
        AttemptSucceeded: attempt_over,
        AttemptFailed: attempt_over,
        AttemptReturned: attempt_over,
        AttemptLost: attempt_over,
        KillRequested: late,
        DeleteRequested: deleted_while_killing,
    },
    Done: _OVER,
    Errored: _OVER,
    Killed: _OVER,
}
