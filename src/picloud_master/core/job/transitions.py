"""What each event means to a job in each state; the table at the end is the machine."""

from picloud.protocol.failures import Failure, FailureKind
from picloud.statemachine import Step, Table
from picloud_master.core.context import Context
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import (
    AttemptFailed,
    AttemptLost,
    AttemptResumed,
    AttemptReturned,
    AttemptStarted,
    AttemptSucceeded,
    AttemptWaits,
    DeleteRequested,
    DependenciesFinished,
    DependenciesNamed,
    DependencyFailed,
    JobEvent,
    KillRequested,
    PauseEnded,
    Placed,
    PlacedAhead,
)
from picloud_master.core.job.following import (
    joined,
    killing_ahead,
    not_followed,
    overtaken,
    placed_ahead,
    stalled_ahead,
)
from picloud_master.core.job.outputs import (
    ANNOUNCE,
    ENQUEUE,
    FORGET,
    REQUEUE,
    RUN,
    JobOutput,
    Lend,
    Pause,
    Release,
    Stop,
    TakeCores,
)
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
    Queued,
    Running,
    Stalled,
    Waiting,
)

NEVER_RETRIED = frozenset({FailureKind.KILLED, FailureKind.SERIALIZATION, FailureKind.ENVIRONMENT})
"""Failures that were wished for, or would only come again."""

# ------------------------------------------------------------------ before it is placed


def blocked(job: JobActor, state: Queued, event: DependenciesNamed, context: Context) -> Step:
    """It is told so before it enters the queue."""
    return Step(Blocked(event.prerequisites))


def released(job: JobActor, state: Blocked, event: DependenciesFinished, context: Context) -> Step:
    """It may run."""
    return Step(QUEUED, ENQUEUE)


def stalled(job: JobActor, state: Blocked, event: DependencyFailed, context: Context) -> Step:
    """It never runs, and neither does what depends on it."""
    return Step(Stalled(event.failure, event.cause, context.now), ANNOUNCE)


def tried_again(job: JobActor, state: Delayed, event: PauseEnded, context: Context) -> Step:
    """It has waited before, so it goes ahead of younger jobs."""
    return Step(QUEUED, REQUEUE)


def placed(job: JobActor, state: Queued, event: Placed, context: Context) -> Step:
    """A worker has room."""
    job.attempts += 1
    job.usage, job.output = b"", None
    return Step(Leased(event.lease), RUN)


def killed_unplaced(
    job: JobActor, state: Queued | Blocked | Delayed, event: KillRequested, context: Context
) -> Step:
    """Nothing runs: the job is over at once."""
    return Step(Killed(context.now), ANNOUNCE)


# ------------------------------------------------------------------ leased or running


def started(job: JobActor, state: Leased, event: AttemptStarted, context: Context) -> Step:
    """The worker has begun."""
    if event.fence != state.lease.fence:
        return Step(state)
    return Step(Running(state.lease, context.now))


def waits(job: JobActor, state: Leased | Running, event: AttemptWaits, context: Context) -> Step:
    """It sleeps; others run on its cores."""
    if event.fence != state.lease.fence:
        return Step(state)
    begun = state.started if isinstance(state, Running) else context.now
    return Step(Waiting(state.lease, begun), Lend(state.lease))


def succeeded(
    job: JobActor, state: Leased | Running, event: AttemptSucceeded, context: Context
) -> Step:
    """The attempt's result is the job's."""
    lease = state.lease
    if event.fence != lease.fence:
        return Step(state)
    job.usage = event.usage
    done = Done(event.result, event.runtime, context.now, lease)
    return Step(done, Release(lease), ANNOUNCE)


def failed(job: JobActor, state: Leased | Running, event: AttemptFailed, context: Context) -> Step:
    """A failure is the job's outcome, unless it asked to be tried again."""
    if event.fence != state.lease.fence:
        return Step(state)
    return _after_failure(job, state, event, context)


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
    return _after_loss(job, state, event.text, context)


def killing(job: JobActor, state: Leased | Running, event: KillRequested, context: Context) -> Step:
    """From here on no result can appear; the worker ends the attempt and its processes."""
    dying = Killing(state.lease, context.now, _started(state))
    return Step(dying, Stop(state.lease), ANNOUNCE)


_Held = Leased | Running | Waiting


def _started(state: _Held) -> float | None:
    return None if isinstance(state, Leased) else state.started


def _after_failure(
    job: JobActor, state: _Held, event: AttemptFailed, context: Context, *before: JobOutput
) -> Step:
    if event.failure.kind is FailureKind.WORKER_LOST:  # its worker lives, but its process is gone
        return _after_loss(job, state, event.failure.message, context, *before)
    lease = state.lease
    job.usage = event.usage
    spec = job.spec
    if job.retried >= spec.retries or event.failure.kind in NEVER_RETRIED:
        errored = Errored(event.failure, event.runtime, context.now, lease)
        return Step(errored, *before, Release(lease), ANNOUNCE)
    job.retried += 1
    if spec.retry_delay > 0:
        until = context.now + spec.retry_delay
        return Step(Delayed(until), *before, Release(lease), Pause(until))
    return Step(QUEUED, *before, Release(lease), REQUEUE)


def _after_loss(
    job: JobActor, state: _Held, text: str, context: Context, *before: JobOutput
) -> Step:
    lease, started = state.lease, _started(state)
    # Attempts that failed by themselves were no fault of a worker.
    if job.spec.restartable and job.attempts - job.retried <= context.policy.max_restarts:
        return Step(QUEUED, *before, Release(lease), REQUEUE)
    runtime = context.now - started if started is not None else 0.0
    errored = Errored(_loss(job, text), runtime, context.now, lease)
    return Step(errored, *before, Release(lease), ANNOUNCE)


def _loss(job: JobActor, text: str) -> Failure:
    if job.spec.restartable:
        times = job.attempts - job.retried
        what = f"the job was started {times} times and lost its worker each time"
    else:
        what = "the job may have run, and it is not restartable"
    return Failure(FailureKind.WORKER_LOST, f"{text}; {what}")


# ------------------------------------------------------------------ waiting

# Each of these takes the cores back first, so that what ends is a lease with its cores.


def resumed(job: JobActor, state: Waiting, event: AttemptResumed, context: Context) -> Step:
    """It runs on."""
    if event.fence != state.lease.fence:
        return Step(state)
    return Step(Running(state.lease, state.started), TakeCores(state.lease))


def succeeded_waiting(
    job: JobActor, state: Waiting, event: AttemptSucceeded, context: Context
) -> Step:
    """It woke up and returned before its worker said so."""
    lease = state.lease
    if event.fence != lease.fence:
        return Step(state)
    job.usage = event.usage
    done = Done(event.result, event.runtime, context.now, lease)
    return Step(done, TakeCores(lease), Release(lease), ANNOUNCE)


def failed_waiting(job: JobActor, state: Waiting, event: AttemptFailed, context: Context) -> Step:
    """It ended in its sleep, or right after it."""
    if event.fence != state.lease.fence:
        return Step(state)
    return _after_failure(job, state, event, context, TakeCores(state.lease))


def returned_waiting(
    job: JobActor, state: Waiting, event: AttemptReturned, context: Context
) -> Step:
    """Whatever slept, the worker says that it never started: it is placed anew."""
    if event.fence != state.lease.fence:
        return Step(state)
    job.attempts -= 1
    return Step(QUEUED, TakeCores(state.lease), Release(state.lease), REQUEUE)


def lost_waiting(job: JobActor, state: Waiting, event: AttemptLost, context: Context) -> Step:
    """It is gone with its worker, as a running one is."""
    if event.fence != state.lease.fence:
        return Step(state)
    return _after_loss(job, state, event.text, context, TakeCores(state.lease))


def killing_waiting(job: JobActor, state: Waiting, event: KillRequested, context: Context) -> Step:
    """As for a running one; until the worker confirms, its cores are its own."""
    lease = state.lease
    dying = Killing(lease, context.now, state.started)
    return Step(dying, TakeCores(lease), Stop(lease), ANNOUNCE)


# ------------------------------------------------------------------ killing


def attempt_over(
    job: JobActor,
    state: Killing,
    event: AttemptSucceeded | AttemptFailed | AttemptReturned | AttemptLost,
    context: Context,
) -> Step:
    """However the attempt ended, the worker has room again and the job stays killed."""
    lease = state.lease
    if event.fence != lease.fence:
        return Step(state)
    killed = Killed(state.finished, lease, state.started)
    if state.deleted:
        return Step(killed, Release(lease), FORGET)
    return Step(killed, Release(lease))


def deleted_while_killing(
    job: JobActor, state: Killing, event: DeleteRequested, context: Context
) -> Step:
    """Hidden from now on; its lease still lives."""
    return Step(Killing(state.lease, state.finished, state.started, deleted=True))


# ------------------------------------------------------------------ over


def deleted(
    job: JobActor,
    state: Done | Errored | Killed | Stalled,
    event: DeleteRequested,
    context: Context,
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
    AttemptWaits: late,
    AttemptResumed: late,
    AttemptSucceeded: late,
    AttemptFailed: late,
    AttemptReturned: late,
    AttemptLost: late,
}
_OVER = {**_LATE_REPORTS, KillRequested: late, DeleteRequested: deleted}

TRANSITIONS: Table = {
    Queued: {
        DependenciesNamed: blocked,
        Placed: placed,
        KillRequested: killed_unplaced,
        **_LATE_REPORTS,
    },
    Blocked: {
        PlacedAhead: placed_ahead,
        DependenciesFinished: released,
        DependencyFailed: stalled,
        KillRequested: killed_unplaced,
        **_LATE_REPORTS,
    },
    Following: {
        DependenciesFinished: joined,
        DependencyFailed: stalled_ahead,
        AttemptStarted: overtaken,
        AttemptWaits: overtaken,
        AttemptResumed: late,
        AttemptSucceeded: overtaken,
        AttemptFailed: overtaken,
        AttemptReturned: not_followed,
        AttemptLost: not_followed,
        KillRequested: killing_ahead,
    },
    Delayed: {PauseEnded: tried_again, KillRequested: killed_unplaced, **_LATE_REPORTS},
    Leased: {
        AttemptStarted: started,
        AttemptWaits: waits,
        AttemptResumed: late,
        AttemptSucceeded: succeeded,
        AttemptFailed: failed,
        AttemptReturned: returned,
        AttemptLost: lost,
        KillRequested: killing,
    },
    Running: {
        AttemptStarted: late,
        AttemptWaits: waits,
        AttemptResumed: late,
        AttemptSucceeded: succeeded,
        AttemptFailed: failed,
        AttemptReturned: returned,
        AttemptLost: lost,
        KillRequested: killing,
    },
    Waiting: {
        AttemptStarted: late,
        AttemptWaits: late,
        AttemptResumed: resumed,
        AttemptSucceeded: succeeded_waiting,
        AttemptFailed: failed_waiting,
        AttemptReturned: returned_waiting,
        AttemptLost: lost_waiting,
        KillRequested: killing_waiting,
    },
    Killing: {
        AttemptStarted: late,
        AttemptWaits: late,
        AttemptResumed: late,
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
    Stalled: _OVER,
}
