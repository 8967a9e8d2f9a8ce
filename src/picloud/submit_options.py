"""The options that belong to one submission, and not to a function and how to run it.

So they are no part of what the master is told once per function, and a loop of calls that wait
for each other defines its function once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from picloud.dependencies import Dependencies

ABORT, IGNORE = "abort", "ignore"


@dataclass(frozen=True)
class SubmitOptions:
    """Options of a submission, checked.

    Attributes:
        depends_on: jobs that have to finish first; given as for every verb, kept as `Dependencies`.
        depends_on_errors: "abort" stalls the jobs if one of these does not succeed, "ignore" runs
            them all the same.
        callback: called here with a job's number when it is done; one function or several.
        callback_on_error: the same, when it has ended otherwise.
    """

    depends_on: Any = None
    depends_on_errors: str = ABORT
    callback: Any = ()
    callback_on_error: Any = ()

    def __post_init__(self) -> None:
        if self.depends_on_errors not in (ABORT, IGNORE):
            raise ValueError(
                f"depends_on_errors is {ABORT!r} or {IGNORE!r}, not {self.depends_on_errors!r:.80}"
            )
        jobs = self.depends_on
        if jobs is not None:
            ignores = self.depends_on_errors == IGNORE
            if not isinstance(jobs, Dependencies) or jobs.ignore_errors != ignores:
                jobs = Dependencies(jobs, ignores)
            object.__setattr__(self, "depends_on", jobs or None)
        for name in ("callback", "callback_on_error"):
            item = getattr(self, name)
            if type(item) is not tuple or item:
                object.__setattr__(self, name, _callables(name, item))

    @property
    def after(self) -> Dependencies | None:
        """The jobs that have to finish first, if there are any."""
        after: Dependencies | None = self.depends_on
        return after

    @property
    def has_callbacks(self) -> bool:
        """Whether somebody wants to hear of the end of the jobs."""
        return bool(self.callback or self.callback_on_error)


SUBMIT_NAMES = tuple(field.name for field in fields(SubmitOptions))


def _callables(name: str, item: Any) -> tuple[Callable[..., Any], ...]:
    if item is None:
        return ()
    functions = tuple(item) if isinstance(item, Iterable) and not callable(item) else (item,)
    for function in functions:
        if not callable(function):
            raise TypeError(f"{name} is a function or a list of functions, not {function!r:.80}")
        if _is_async(function):
            raise TypeError(
                f"{name} is a plain function, not an `async def` such as {function!r:.80}: nobody "
                "would await it; give a function that calls asyncio.run(...), or one that hands "
                "it to your loop with asyncio.run_coroutine_threadsafe(...)"
            )
        if not takes(function, 0) and not takes(function):
            raise TypeError(
                f"{name} is called with the job, or with nothing: {function!r:.80} cannot be"
            )
    return functions


def wants_job(function: Callable[..., Any]) -> bool:
    """Whether a callback is called with the job; PiCloud called those that cannot be without it."""
    if not takes(function, 0) or not takes(function):
        return takes(function, 0)
    # It would take both. A wrapper that passes on what it gets leaves it to what it wraps.
    is_bare = takes(function, follow_wrapped=True)
    return takes(function, 0, follow_wrapped=True) or not is_bare


def takes(function: Callable[..., Any], *arguments: object, follow_wrapped: bool = False) -> bool:
    """Whether a function, or what it wraps, can be called with these, as far as it tells."""
    import inspect  # most submissions have no callback

    try:
        signature = inspect.signature(function, follow_wrapped=follow_wrapped)
    except Exception:  # noqa: BLE001 - a built-in that does not tell, or code of the user's
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _is_async(function: Callable[..., Any]) -> bool:
    import inspect  # most submissions have no callback

    calls = (function, type(function).__call__)
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in calls
    )


NO_SUBMIT_OPTIONS = SubmitOptions()
