"""Every cell of an environment's table."""

import pytest

from picloud.protocol.environments import environment_of
from picloud.protocol.failures import Failure, FailureKind
from picloud.statemachine import InvalidTransition, Step, advance
from picloud_worker.core.environment.actor import EnvironmentActor
from picloud_worker.core.environment.events import (
    BUILD_SUCCEEDED,
    LET_GO,
    NEEDED,
    START_BUILD,
    BuildFailed,
    EnvironmentEvent,
    FailWaiting,
)
from picloud_worker.core.environment.states import (
    BUILDING,
    BUILT,
    UNBUILT,
    Broken,
    Building,
    Built,
    EnvironmentState,
    Unbuilt,
)
from picloud_worker.core.environment.transitions import TRANSITIONS
from picloud_worker.core.settings import BUILD_PAUSE

NOW = 100.0
FAILURE = Failure(FailureKind.ENVIRONMENT, "no such package")
BROKEN = Broken(FAILURE, NOW + BUILD_PAUSE)
STATES: list[EnvironmentState] = [UNBUILT, BUILDING, BUILT, BROKEN]
EVENTS: list[EnvironmentEvent] = [NEEDED, BUILD_SUCCEEDED, BuildFailed("no such package")]

CELLS: dict[tuple[type, type], Step] = {
    (Unbuilt, type(NEEDED)): Step(BUILDING, START_BUILD),
    (Building, type(NEEDED)): Step(BUILDING),
    (Building, type(BUILD_SUCCEEDED)): Step(BUILT, LET_GO),
    (Building, BuildFailed): Step(BROKEN, FailWaiting(FAILURE)),
    (Built, type(NEEDED)): Step(BUILT, LET_GO),
    (Broken, type(NEEDED)): Step(BROKEN, FailWaiting(FAILURE)),
}


def an_environment(state: EnvironmentState) -> EnvironmentActor:
    actor = EnvironmentActor(environment_of("3.11", "gadget==1"))
    actor.state = state
    return actor


@pytest.mark.parametrize("event", EVENTS, ids=repr)
@pytest.mark.parametrize("state", STATES, ids=repr)
def test_each_cell(state: EnvironmentState, event: EnvironmentEvent) -> None:
    actor = an_environment(state)
    step = CELLS.get((type(state), type(event)))
    if step is None:
        with pytest.raises(InvalidTransition):
            advance(actor, TRANSITIONS, event, NOW)
        return
    outputs = advance(actor, TRANSITIONS, event, NOW)
    assert actor.state == step.state
    assert tuple(outputs) == tuple(step.outputs)


def test_after_a_pause_a_build_that_failed_is_tried_again() -> None:
    actor = an_environment(BROKEN)
    outputs = advance(actor, TRANSITIONS, NEEDED, NOW + BUILD_PAUSE)
    assert actor.state == BUILDING
    assert tuple(outputs) == (START_BUILD,)
