"""What clients say about environments, and what all of them hear of those and of Pythons."""

from picloud.protocol import limits
from picloud.protocol.client_messages import Accepted, Refused
from picloud.protocol.environment_messages import (
    AskEnvironment,
    CreateEnvironment,
    DeleteEnvironment,
    EnvironmentChanged,
    EnvironmentRead,
    EnvironmentsListed,
    ListEnvironments,
    PythonsOffered,
)
from picloud.protocol.ids import JobId, RequestId
from picloud_master.core.job_session import is_of_job
from picloud_master.core.registry import Registry
from picloud_master.core.session import ClientSession


def create(registry: Registry, session: ClientSession, message: CreateEnvironment) -> None:
    """Let a name mean a lock."""
    if not registry.environments.has_room(session.owner, message.name):
        most = limits.MAX_ENVIRONMENTS
        _refuse(registry, session, message.request, f"there are {most} environments already")
        return
    if registry.environments.create(session.owner, message):
        _tell_of_change(registry, session.owner, message.name)
    registry.say_to_client(session.id, Accepted(message.request))


def list_all(registry: Registry, session: ClientSession, message: ListEnvironments) -> None:
    """Say which names there are."""
    names = registry.environments.names(session.owner)
    registry.say_to_client(session.id, EnvironmentsListed(message.request, names))


def ask(registry: Registry, session: ClientSession, message: AskEnvironment) -> None:
    """Say what a name means."""
    found = registry.environments.named(session.owner, message.name)
    if found is None:
        _refuse(registry, session, message.request, _unknown(registry, session, message.name))
        return
    answer = EnvironmentRead(message.request, found.digest, found.python, found.lock)
    registry.say_to_client(session.id, answer)


def delete(registry: Registry, session: ClientSession, message: DeleteEnvironment) -> None:
    """Forget a name."""
    if not registry.environments.delete(session.owner, message.name):
        _refuse(registry, session, message.request, _unknown(registry, session, message.name))
        return
    _tell_of_change(registry, session.owner, message.name)
    registry.say_to_client(session.id, Accepted(message.request))


def tell_pythons(registry: Registry) -> None:
    """The fleet has changed: if its Pythons have, all clients hear of it."""
    pythons = sorted({worker.python for worker in registry.workers.values()})
    if pythons == registry.pythons:
        return
    registry.pythons = pythons
    for session in registry.sessions.values():
        if not is_of_job(session.id):
            registry.say_to_client(session.id, PythonsOffered(pythons))


def _tell_of_change(registry: Registry, owner: str, name: str) -> None:
    for session in registry.sessions.values():
        if session.owner == owner and not is_of_job(session.id):
            registry.say_to_client(session.id, EnvironmentChanged(name))


def _unknown(registry: Registry, session: ClientSession, name: str) -> str:
    names = registry.environments.names(session.owner)
    there = f"there are {', '.join(names[:_SHOWN])}" if names else "there are none"
    return f"there is no environment {name!r:.120}; {there}{', ...' if names[_SHOWN:] else ''}"


_SHOWN = 10


def _refuse(registry: Registry, session: ClientSession, request: RequestId, text: str) -> None:
    registry.say_to_client(session.id, Refused(request, False, JobId(0), text))
