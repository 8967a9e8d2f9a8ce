"""The environments of a worker, and the attempts that wait until theirs is built.

Such attempts are held up, as those that follow others are: whatever else waits goes on.
"""

from collections.abc import Callable
from typing import Any

from picloud.protocol.environment_messages import (
    DefineEnvironment,
    EnvironmentsBuilding,
    ForgetEnvironment,
)
from picloud.protocol.environments import Environment
from picloud.statemachine import advance
from picloud_worker.core.attempt import states
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import HELD_UP, MADE_READY, EnvironmentLost
from picloud_worker.core.attempt.states import Unready
from picloud_worker.core.crew import Crew
from picloud_worker.core.effects import BuildEnvironment, ReleaseEnvironment, SendToMaster
from picloud_worker.core.environment import events
from picloud_worker.core.environment.actor import EnvironmentActor
from picloud_worker.core.environment.states import Building, Built
from picloud_worker.core.environment.transitions import TRANSITIONS
from picloud_worker.core.events import BuildEnded

# ------------------------------------------------------------------ the master's words


def define(crew: Crew, message: DefineEnvironment) -> None:
    """Know it from now on."""
    environment = Environment(message.digest, message.python, message.lock)
    crew.environments[message.digest] = EnvironmentActor(environment)


def forget(crew: Crew, message: ForgetEnvironment) -> None:
    """No attempt needs it, or will."""
    actor = crew.environments.pop(message.digest, None)
    if actor is not None:
        crew.effects.append(ReleaseEnvironment(message.digest))
        _report(crew)


# ------------------------------------------------------------------ attempts


def need(crew: Crew, attempts: list[Attempt]) -> None:
    """Hold these new attempts, all of one spec, up until their environment is built."""
    actor = crew.environments[attempts[0].spec.key.environment] if attempts else None
    if actor is None or type(actor.state) is Built:
        return
    for attempt in attempts:
        if type(attempt.state) is states.Waiting:  # it follows no others, and lacks no blobs
            crew.tell_attempt(attempt, HELD_UP)
        crew.unequipped.add(attempt)
    actor.waiting += attempts
    _tell(crew, actor, events.NEEDED)


def pop_waiting(crew: Crew) -> Attempt | None:
    """Let go of an attempt that waits for a build: it can go to another worker."""
    for actor in crew.environments.values():
        while actor.waiting:
            attempt = actor.waiting.pop()
            crew.unequipped.discard(attempt)
            if type(attempt.state) is Unready:
                return attempt
    return None


def is_building(crew: Crew) -> bool:
    """True while attempts wait for a build."""
    return any(type(actor.state) is Building for actor in crew.environments.values())


def take(crew: Crew, event: BuildEnded) -> None:
    """A build has ended; late if nobody needs what was built any more."""
    actor = crew.environments.get(event.digest)
    if actor is None or not _is_building(actor):
        return  # forgotten meanwhile, and perhaps defined again
    happened = events.BuildFailed(event.text) if event.text else events.BUILD_SUCCEEDED
    _tell(crew, actor, happened)


# ------------------------------------------------------------------ moving actors


def _tell(crew: Crew, actor: EnvironmentActor, event: events.EnvironmentEvent) -> None:
    was_building = _is_building(actor)
    for output in advance(actor, TRANSITIONS, event, crew.now):
        _OUTPUTS[type(output)](crew, actor, output)
    if was_building != _is_building(actor):
        _report(crew)


def _is_building(actor: EnvironmentActor) -> bool:
    return type(actor.state) is Building


def _report(crew: Crew) -> None:
    """The master tells whoever asks why jobs wait."""
    building = [digest for digest, one in crew.environments.items() if _is_building(one)]
    crew.effects.append(SendToMaster(EnvironmentsBuilding(building)))


def _start_build(crew: Crew, actor: EnvironmentActor, output: events.StartBuild) -> None:
    crew.effects.append(BuildEnvironment(actor.environment))


def _let_go(crew: Crew, actor: EnvironmentActor, output: events.LetGo) -> None:
    for attempt in _taken(crew, actor):
        if crew.lacks_nothing(attempt):
            crew.tell_attempt(attempt, MADE_READY)


def _fail_waiting(crew: Crew, actor: EnvironmentActor, output: events.FailWaiting) -> None:
    for attempt in _taken(crew, actor):
        crew.tell_attempt(attempt, EnvironmentLost(output.failure))


def _taken(crew: Crew, actor: EnvironmentActor) -> list[Attempt]:
    waiting, actor.waiting = actor.waiting, []
    crew.unequipped.difference_update(waiting)
    return [attempt for attempt in waiting if type(attempt.state) is Unready]


_OUTPUTS: dict[type, Callable[[Crew, EnvironmentActor, Any], None]] = {
    events.StartBuild: _start_build,
    events.LetGo: _let_go,
    events.FailWaiting: _fail_waiting,
}
