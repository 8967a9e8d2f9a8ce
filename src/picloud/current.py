"""The session that `cloud.call(...)` and the other plain verbs use: one per process.

It is made by the first verb: an argument of `connect` or `setkey` comes before the environment's
variables, these before the configuration file, and with none of them it is an embedded cloud.

Inside a job it is the cloud that runs the job, unless the job says otherwise; then that counts
until the job has ended. What sessions need is imported when one is made: a job needs less.
"""

import os
import threading
from typing import TYPE_CHECKING, Any

from picloud import config, errors, inside

if TYPE_CHECKING:
    from picloud.blocking_verbs import BlockingVerbs
    from picloud.session import Session

_lock = threading.RLock()  # a signal handler may use the cloud while its first session is made
_current: "Session | None" = None
_chosen: config.Target | None = None
"""What `connect` or `setkey` has said, for when the connection must be made again."""


def current_session() -> "BlockingVerbs":
    """The process's session; made now if there is none, or if its master has gone away."""
    line = inside.line
    if line is not None:
        return _session_of_job(line)
    session = _current
    if session is None or session.is_lost:
        session = _renewed()
    return session


def _session_of_job(line: "inside.Line") -> "BlockingVerbs":
    session: BlockingVerbs | None = line.session
    if session is None or session.is_lost:
        from picloud.nested import NestedSession

        with _lock:  # a job may have several threads
            session = line.session
            if session is None or session.is_lost:
                if line.own_session is None or line.own_session.is_lost:
                    line.own_session = NestedSession(line)
                line.session = session = line.own_session
    return session


def connect(url: str, *, api_key: str | None = None, api_secretkey: str | None = None) -> "Session":
    """Use this master from now on.

    Args:
        url: where it is: http(s)://host:port.
        api_key: PiCloud's number of a key; default: the environment's or the file's.
        api_secretkey: the secret that goes with it; same defaults.

    Returns:
        The session that all plain verbs use from now on; it connects at the first of them.

    Raises:
        ValueError: the URL is none.
    """
    target = config.target_of(url, api_key, api_secretkey)
    _choose(target)
    return _replace(target)


def setkey(
    api_key: str | int, api_secretkey: str | None = None, server_url: str | None = None
) -> None:
    """Select an account, and the master if `server_url` is given: PiCloud's spelling of `connect`.

    Raises:
        ValueError: no master is known, neither from here nor from variable or file.
    """
    target = config.target_of(server_url, str(api_key), api_secretkey)
    _choose(target)
    _replace(target)


def embedded(
    workers: int | None = None,
    core_types: Any = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> "Session":
    """Make an embedded cloud: a context manager, sync and async, with every verb as a method.

    Args:
        workers: how many jobs may run at a time; by default as many as there are cores.
        core_types: classes of cores that its workers serve; by default all.
        data_dir: not available yet: an embedded cloud forgets its jobs when it is closed.

    Raises:
        ValueError: `data_dir` is given, or another argument is out of range.
    """
    if data_dir is not None:
        raise ValueError("data_dir is not available yet: an embedded cloud keeps jobs in memory")
    from picloud import local

    return local.embedded_session(workers, core_types)


def close() -> bool:
    """Close the process's session; the next verb makes another. True if there was one open."""
    session = _ending()
    try:
        return session.close() if session is not None else False
    finally:
        _drop(session)


async def aclose() -> bool:
    """Close the process's session; see `close`."""
    session = _ending()
    try:
        return await session.aclose() if session is not None else False
    finally:
        _drop(session)


def _renewed() -> "Session":
    global _current
    with _lock:
        if _current is None or _current.is_lost:
            made = _made(_chosen or config.default_target())
            if _current is None or _current.is_lost:
                _current = made
        return _current


def _made(target: config.Target | None) -> "Session":
    if target is None and inside.running_on_cloud():
        # A process that a job has started has no part in the job's conversation, and an embedded
        # cloud of its own for each job that asks would drown the machine.
        raise errors.CloudException(
            "a process that a job has started cannot use the cloud that runs the job",
            hint="make the call in the job itself, or name a master with connect()",
        )
    if target is None:
        return embedded()
    from picloud import remote

    return remote.connected_session(target.url, target.token)


def _choose(target: config.Target) -> None:
    global _chosen
    with _lock:
        _chosen = target


def _replace(target: config.Target) -> "Session":
    global _current
    session = _made(target)
    if inside.line is not None:
        inside.line.session = session
        return session
    with _lock:
        old, _current = _current, session
    if old is not None:
        # Posted, not waited for: this may be called where an event loop runs.
        threading.Thread(target=old.close, name="picloud closer").start()
    return session


def _ending() -> "BlockingVerbs | None":
    """The session that is to be closed; its last callbacks may still use it."""
    line = inside.line
    if line is not None:
        session, line.session = line.session, None
        return session  # type: ignore[no-any-return]  # a line only keeps it
    return _current


def _drop(session: "BlockingVerbs | None") -> None:
    """Let go of a session, unless it was not closed: in a running loop `close` is refused."""
    global _current
    with _lock:
        if _current is session and (session is None or session.is_lost):
            _current = None


def _forget() -> None:
    """A forked child starts its own: the engine's thread has stayed with the parent."""
    global _current, _lock
    _lock = threading.RLock()
    _current = None


os.register_at_fork(after_in_child=_forget)
