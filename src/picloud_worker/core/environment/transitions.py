"""What each event means to an environment in each state; the table at the end is the machine."""

from picloud.protocol.failures import Failure, FailureKind
from picloud.statemachine import Step, Table
from picloud_worker.core import settings
from picloud_worker.core.environment.actor import EnvironmentActor
from picloud_worker.core.environment.events import (
    LET_GO,
    START_BUILD,
    BuildFailed,
    BuildSucceeded,
    FailWaiting,
    Needed,
)
from picloud_worker.core.environment.states import (
    BUILDING,
    BUILT,
    Broken,
    Building,
    Built,
    Unbuilt,
)


def first_needed(actor: EnvironmentActor, state: Unbuilt, event: Needed, now: float) -> Step:
    """Nothing is built that no attempt needs."""
    return Step(BUILDING, START_BUILD)


def needed_too(actor: EnvironmentActor, state: Building, event: Needed, now: float) -> Step:
    """More attempts wait for the same build."""
    return Step(state)


def needed_again(actor: EnvironmentActor, state: Built, event: Needed, now: float) -> Step:
    """They need not wait."""
    return Step(state, LET_GO)


def needed_broken(actor: EnvironmentActor, state: Broken, event: Needed, now: float) -> Step:
    """After a pause it is tried again: the many jobs of a map would try it many times."""
    if now < state.until:
        return Step(state, FailWaiting(state.failure))
    return Step(BUILDING, START_BUILD)


def built(actor: EnvironmentActor, state: Building, event: BuildSucceeded, now: float) -> Step:
    """Those that wait for it go on."""
    return Step(BUILT, LET_GO)


def failed(actor: EnvironmentActor, state: Building, event: BuildFailed, now: float) -> Step:
    """Those that wait for it hear why."""
    failure = Failure(FailureKind.ENVIRONMENT, event.text)
    return Step(Broken(failure, now + settings.BUILD_PAUSE), FailWaiting(failure))


TRANSITIONS: Table = {
    Unbuilt: {
        Needed: first_needed,
    },
    Building: {
        Needed: needed_too,
        BuildSucceeded: built,
        BuildFailed: failed,
    },
    Built: {
        Needed: needed_again,
    },
    Broken: {
        Needed: needed_broken,
    },
}
