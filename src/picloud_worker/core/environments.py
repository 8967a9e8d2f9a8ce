"""The environments of a worker, and the attempts that wait until theirs is built.

Such attempts are not in the backlog, so that whatever else waits there goes on.
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
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import (
    ENVIRONMENT_MISSED,
    ENVIRONMENT_READY,
    EnvironmentLost,
)
from picloud_worker.core.attempt.states import Unequipped
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


def equipped(crew: Crew, attempts: list[Attempt]) -> list[Attempt]:
    """Those of these attempts, all of one spec, that need not wait for their environment."""
    digest = attempts[0].spec.key.environment if attempts else ""
    if not digest:
        return attempts
    actor = crew.environments[digest]
    if type(actor.state) is Built:
        return attempts
    for attempt in attempts:
        crew.tell_attempt(attempt, ENVIRONMENT_MISSED)
    actor.waiting += attempts
    _tell(crew, actor, events.NEEDED)
    return []


def pop_waiting(crew: Crew) -> Attempt | None:
    """Let go of an attempt that waits for a build: it can go to another worker."""
    for actor in crew.environments.values():
        while actor.waiting:
            attempt = actor.waiting.pop()
            if type(attempt.state) is Unequipped:
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
    for attempt in _taken(actor):
        crew.tell_attempt(attempt, ENVIRONMENT_READY)


def _fail_waiting(crew: Crew, actor: EnvironmentActor, output: events.FailWaiting) -> None:
    for attempt in _taken(actor):
        crew.tell_attempt(attempt, EnvironmentLost(output.failure))


def _taken(actor: EnvironmentActor) -> list[Attempt]:
    waiting, actor.waiting = actor.waiting, []
    return [attempt for attempt in waiting if type(attempt.state) is Unequipped]


_OUTPUTS: dict[type, Callable[[Crew, EnvironmentActor, Any], None]] = {
    events.StartBuild: _start_build,
    events.LetGo: _let_go,
    events.FailWaiting: _fail_waiting,
}
