"""What each event means to a job that is granted ahead, to the worker of what it waits for.

Its lease holds no cores yet. As for a waiting job, each step that ends the lease, or lets it
begin, takes them first.
"""

from picloud.statemachine import Step
from picloud_master.core.context import Context
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    AttemptStarted,
    AttemptSucceeded,
    AttemptWaits,
    DependenciesFinished,
    DependencyFailed,
    KillRequested,
    PlacedAhead,
)
from picloud_master.core.job.outputs import ANNOUNCE, JOIN, RUN, Release, Stop, TakeCores
from picloud_master.core.job.states import Blocked, Following, Killing, Leased, Stalled


def placed_ahead(job: JobActor, state: Blocked, event: PlacedAhead, context: Context) -> Step:
    """The worker that has what it waits for may start it as soon as that has returned."""
    return Step(Following(event.lease, state.prerequisites), RUN)


def joined(job: JobActor, state: Following, event: DependenciesFinished, context: Context) -> Step:
    """From here on it is a leased job as any other; it may run already."""
    job.attempts += 1
    return Step(Leased(state.lease), TakeCores(state.lease), JOIN)


def stalled_ahead(
    job: JobActor, state: Following, event: DependencyFailed, context: Context
) -> Step:
    """Its worker may have begun it, if what failed had returned there: that comes to nothing."""
    lease = state.lease
    over = Stalled(event.failure, event.cause, context.now)
    return Step(over, TakeCores(lease), Stop(lease), Release(lease), ANNOUNCE)


def killing_ahead(job: JobActor, state: Following, event: KillRequested, context: Context) -> Step:
    """As for a leased one."""
    lease = state.lease
    return Step(Killing(lease, context.now), TakeCores(lease), Stop(lease), ANNOUNCE)


def not_followed(
    job: JobActor, state: Following, event: AttemptReturned | AttemptLost, context: Context
) -> Step:
    """What it follows did not return there, or not in time; it never started."""
    if event.fence != state.lease.fence:
        return Step(state)
    return Step(Blocked(state.prerequisites), TakeCores(state.lease), Release(state.lease))


def overtaken(
    job: JobActor,
    state: Following,
    event: AttemptStarted | AttemptWaits | AttemptSucceeded | AttemptFailed,
    context: Context,
) -> Step:
    """Its worker let it follow a return that counts for nothing here; neither does this run."""
    lease = state.lease
    if event.fence != lease.fence:
        return Step(state)
    return Step(Blocked(state.prerequisites), TakeCores(lease), Stop(lease), Release(lease))
