"""Outcomes to values and exceptions: in the thread that asked for them, never on the loop."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from picloud import errors
from picloud.code import values
from picloud.code.interruptions import is_from_signal_handler
from picloud.job import HandleSession, loading
from picloud.mixed_errors import from_failure
from picloud.outcomes import Outcome, Pending
from picloud.protocol.client_messages import JobFailed, JobsInCycle

NO_BLOBS: Mapping[bytes, memoryview] = {}
"""Of results that name none."""


def value_of(
    jid: int,
    outcome: Outcome | Pending,
    ignore_errors: bool,
    session: HandleSession,
    blobs: Mapping[bytes, memoryview] = NO_BLOBS,
) -> Any:
    """Unpickle a result; raise the error of a job that has none, or return it."""
    with loading(session):
        if type(outcome) is bytes:
            try:
                if blobs is NO_BLOBS:
                    return values.loads_whole(outcome)
                return values.loads(outcome, blobs.get)
            except Exception as error:  # what unpickling runs may raise anything
                if is_from_signal_handler(error):
                    raise
                failure: BaseException = _unloadable(jid, error)
                failure.__cause__ = error
        else:
            failure = error_of(jid, outcome)
    if ignore_errors:
        return failure
    raise_error(failure)


def values_of(
    jids: Sequence[int],
    outcomes: Sequence[Outcome],
    ignore_errors: bool,
    session: HandleSession,
    blobs: Mapping[bytes, memoryview] = NO_BLOBS,
) -> list[Any]:
    """The same for many jobs, in their order."""
    loads: Callable[[Any], Any] = values.loads_whole
    if blobs is not NO_BLOBS:
        loads = partial(values.loads, open_blob=blobs.get)
    try:
        with loading(session):
            return [loads(outcome) for outcome in outcomes]  # mostly bytes
    except Exception as error:  # whatever it is, the careful way will meet it again
        if is_from_signal_handler(error):
            raise
    # Not amid `except`: a job's error would take ours for its `__context__`.
    return [
        value_of(jid, outcome, ignore_errors, session, blobs)
        for jid, outcome in zip(jids, outcomes, strict=True)
    ]


def error_of(jid: int, outcome: Outcome | Pending) -> errors.CloudException:
    """Make the error of a job that did not succeed."""
    if isinstance(outcome, JobFailed):
        return from_failure(jid, outcome.status, outcome.failure)
    if isinstance(outcome, JobsInCycle):
        return errors.job_in_cycle(jid)
    return errors.unknown_job(jid)


def raise_error(error: BaseException) -> NoReturn:
    """Raise the error of a job as if the job ran here.

    Raised amid `except` it would lose what it was raised amid in the job, which comes in between.
    """
    context = error.__context__
    try:
        raise error
    finally:
        handled = error.__context__
        if context is not None and handled is not context:
            error.__context__ = context
            while context.__context__ is not None:
                context = context.__context__
            context.__context__ = handled


def _unloadable(jid: int, error: Exception) -> errors.ResultError:
    text = f"the result of job {jid} cannot be loaded here: {type(error).__name__}: {error}"
    if isinstance(error, AttributeError):
        text += _if_newer_there(str(error))
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    hint = _MISSING.format(name=missing) if missing else None
    return errors.ResultError(text, jid, "done", hint)


def _if_newer_there(text: str) -> str:
    """What to do where a name is in the file of a module by now, but not in the loaded module."""
    found = _NOT_FOUND.match(text)
    module = sys.modules.get(found[2]) if found else None
    if found is None or module is None or hasattr(module, found[1]):
        return ""
    try:
        source = inspect.getsource(module)
    except Exception:  # noqa: BLE001 - a module without a file, or one that stands for another
        return ""
    if not re.search(rf"\b{found[1]}\b", source):
        return ""
    return (
        f"; the job ran a newer version of module {found[2]} than this program has loaded: "
        "importlib.reload it, and ask for the result again"
    )


_NOT_FOUND = re.compile(r"Can't get attribute '(\w+)[^']*' on <module '([^']+)'")
"""What Python's unpickler says; it leaves the fields of the error empty."""

_MISSING = (
    "it has an object of a class of that module: if a job reads the result, import {name} in its "
    "function"
)
