"""One attempt: load, call, dump; whatever happens becomes a result or a `Failure`."""

import os
import resource
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from pathlib import Path
from types import CoroutineType
from typing import Any

from picloud.code import classes, values
from picloud.code.exceptions import describing
from picloud.code.files import Arrivals
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import Handles
from picloud.statemachine import value as value_class
from picloud_worker.interpreter.advice import advice_on_name, advise
from picloud_worker.interpreter.job_blobs import JobBlobs
from picloud_worker.interpreter.usage import Profiled
from picloud_worker.pipe.messages import Prepare

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_SOFT, _ = resource.getrlimit(resource.RLIMIT_DATA)


@value_class
class Naming:
    """A result that names jobs, or blobs."""

    result: bytes
    handles: Handles


class PreparedSpec:
    """A function of the client, unpickled when the first attempt needs it.

    Args:
        prepare: what the agent says of it.
        blobs: where the large parts of values are; without it they stay in one piece.
        tree: where the user's modules are; empty if there are none.

    Attributes:
        open_blob: gives the blobs that a payload names.
        arguments: those of the last call, until somebody has looked at them.
        files: those that the function has captured; each job finds them as they were then, for
            which the function is loaded anew if one has been closed.
        classes: those that came with the function; each job finds them so.
    """

    def __init__(self, prepare: Prepare, blobs: JobBlobs | None = None, tree: str = "") -> None:
        self._code = prepare.code
        self.tree = tree
        self.open_blob = blobs.open if blobs is not None else values.no_blob
        self._keep = blobs.keep if blobs is not None else None
        self.python = prepare.python
        self.memory = prepare.memory
        self.os_env = prepare.os_env
        self.is_limited = bool(prepare.memory or prepare.os_env)
        self.profiles = prepare.profile
        self.function: Callable[..., Any] | None = None
        self.files: Arrivals | None = None
        self.arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self.classes: list[tuple[type[Any], classes.Sent]] = []

    def load(self) -> Callable[..., Any]:
        """Unpickle the function."""
        self.classes = classes.loading.classes = []
        try:
            with Arrivals() as files:
                function: Callable[..., Any] = values.loads(self._code, self.open_blob)
        finally:
            classes.loading.classes = None
        self.function = Profiled(function, _await) if self.profiles else function
        if files:
            self.files = files
        else:
            self._code = b""
        return self.function

    def dump(self, result: Any) -> bytes | Naming:
        """Pickle a result that is not plain."""
        notes = values.Notes(self._keep)
        payload = values.dumps(result, notes)
        if notes.handles or payload[:1] == b"\0":
            return Naming(payload, notes.handles)
        return payload

    def profile(self) -> str:
        """The profile of the last call, if it was asked for."""
        return self.function.take_table() if isinstance(self.function, Profiled) else ""


def execute(spec: PreparedSpec, payload: bytes) -> bytes | Naming | Failure:
    """Run one attempt. Nothing that user code raises leaves this function."""
    function = spec.function
    if function is None or (spec.files is not None and not spec.files.rewind()):
        loaded = _load(spec)
        if isinstance(loaded, Failure):
            return loaded
        function = loaded
    elif spec.classes:
        classes.renew(spec.classes)
    try:
        args, kwargs = spec.arguments = values.loads(payload, spec.open_blob)
    except BaseException as error:  # noqa: BLE001 - classes of users run here
        return _unreadable("the arguments", error)
    try:
        value = function(*args, **kwargs)
        if type(value) is CoroutineType:
            value = _await(value)
    except BaseException as error:  # noqa: BLE001 - what a job raises is its outcome
        return _failure(spec, error)
    try:
        return values.dumps_plain(value) or spec.dump(value)
    except BaseException as error:  # noqa: BLE001 - classes of users run here
        return _unsendable(spec, error)


def execute_limited(spec: PreparedSpec, payload: bytes) -> bytes | Naming | Failure:
    """The same with the spec's memory limit and environment variables in force."""
    before = dict(os.environ)
    set_variables({**before, **(spec.os_env or {})})
    limit_memory(spec.memory)
    try:
        return execute(spec, payload)
    finally:
        limit_memory(0)
        set_variables(before)


def set_variables(wanted: Mapping[str, str]) -> None:
    """Have these environment variables and no others, with the time zone that is among them."""
    if os.environ == wanted:
        return
    time_zone = os.environ.get("TZ")
    os.environ.clear()
    os.environ.update(wanted)
    if time_zone != os.environ.get("TZ"):
        time.tzset()


def limit_memory(megabytes: int) -> None:
    """Allow this much more than what the process uses now; 0 for no limit of ours."""
    # An earlier job may have lowered the hard limit, which cannot be undone.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = min(_data_bytes() + (megabytes << 20), sys.maxsize) if megabytes else _SOFT
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard) if soft != resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """What the kernel counts against RLIMIT_DATA."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _load(spec: PreparedSpec) -> Callable[..., Any] | Failure:
    if spec.python != PYTHON:
        return Failure(
            FailureKind.SERIALIZATION,
            f"the function was pickled by Python {spec.python} and this worker runs Python "
            f"{PYTHON}: a function can only be read by the minor version that pickled it",
        )
    try:
        return spec.load()
    except BaseException as error:  # noqa: BLE001 - modules of users are imported here
        return _unreadable("the function", error)


def _await(coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio  # most jobs need none of it, and it takes longer to load than they run

    return asyncio.run(coroutine)


# ------------------------------------------------------------------ failures


_Describe = Callable[[Any, BaseException], Failure]


def _never_failing(describe: _Describe) -> _Describe:
    """Even `isinstance` raises what a class of the user does whose objects let nobody look."""

    @wraps(describe)
    def attempt(what: Any, error: BaseException) -> Failure:
        try:
            return describe(what, error)
        except Exception:  # noqa: BLE001 - see above
            return describing.describe_unseen(error)

    return attempt


@_never_failing
def _unreadable(what: str, error: BaseException) -> Failure:
    failure = describing.describe(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        text = f"{what} cannot be read on the worker, which has no module {error.name!r}"
    else:
        text = f"{what} cannot be read on the worker: {failure.message}"
        if isinstance(error, AttributeError):
            text += advice_on_name(failure.message)
    return _renamed(failure, FailureKind.SERIALIZATION, text)


@_never_failing
def _unsendable(spec: PreparedSpec, error: BaseException) -> Failure:
    if not isinstance(error, values.Unpicklable | values.Oversize | values.NoRoom):
        return _failure(spec, error)
    failure = describing.describe(error)
    return _renamed(failure, FailureKind.SERIALIZATION, f"the result cannot be sent: {error}")


@_never_failing
def _failure(spec: PreparedSpec, error: BaseException) -> Failure:
    if spec.memory:
        limit_memory(0)  # describing takes memory too
    advise(error, spec.tree)
    failure = describing.describe(error)
    if isinstance(error, SystemExit):
        code = "" if error.code is None else repr(error.code)
        return _renamed(failure, FailureKind.EXIT, f"the job called sys.exit({code:.1000})")
    if isinstance(error, MemoryError) and spec.memory:
        text = f"the job went over its memory limit of {spec.memory} MB"
        return _renamed(failure, FailureKind.MEMORY, text)
    return failure


def _renamed(failure: Failure, kind: FailureKind, message: str) -> Failure:
    return Failure(
        kind, message, failure.type_name, failure.traceback, failure.exception, failure.handles
    )
