"""What can be asked for with a job, under PiCloud's names, checked before anything is sent.

`cloud.options(cores=2)` and the keyword `_cores=2` of `call` and `map` mean the same.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from picloud.protocol.environments import is_environment_name
from picloud.protocol.jobs import CORE_TYPES, JobSpec
from picloud.protocol.limits import MAX_ENVIRONMENT_NAME, MAX_INT
from picloud.submit_options import NO_SUBMIT_OPTIONS, SUBMIT_NAMES, SubmitOptions

MAX_LABEL = 1024
MAX_MEMORY = 1 << 40  # MB

MAX_SECONDS = 1e9
"""Thirty years: what is longer is no limit, or a mistake."""

MAX_ENV_VARS = 10_000
MAX_ENV_VAR = 128 << 10
"""Bytes of one environment variable with its name; no Linux process can be given more."""

MAX_ENV = 1 << 20
"""Bytes of all of them together."""


@dataclass(frozen=True)
class NamedEnvironment:
    """An environment as a user names it; `digest` is what that means, empty until it is known."""

    name: str
    digest: str = ""

    def __repr__(self) -> str:
        return repr(self.name)


@dataclass(frozen=True)
class JobOptions:
    """The options of jobs, checked.

    Attributes:
        type: class of cores, one of c1, c2, f2, m1 and s1.
        cores: how many of them one job occupies.
        label: the user's own mark.
        priority: lower runs earlier.
        restartable: may run again after its worker was lost.
        kill_process: gets an interpreter of its own, which ends with the job.
        timeout: seconds of run time after which the job is ended; None for no limit.
        max_runtime: the same in minutes, PiCloud's way.
        memory: limit in MB; None for no limit.
        os_env_vars: names of variables to copy from here, or names with values.
        retries: how often it runs again after it has failed by itself; if its result cannot be sent
            it is not tried again.
        retry_delay: seconds of pause before it does.
        profile: its run is profiled.
        transfer_modules: True to send all of the user's own modules that are needed; a list of
            names to send only these, and what is below them; False to send none.
        env: name of the environment whose packages it is to have; None for those of its worker.
        submit: what belongs to one submission only; set by `changed`.
    """

    type: str = "c1"
    cores: int = 1
    label: str | None = ""
    priority: int = 5
    restartable: bool = True
    kill_process: bool = False
    timeout: float | None = None
    max_runtime: float | None = None
    memory: int | None = None
    os_env_vars: Any = None  # given as a list or a mapping, kept as sorted pairs
    retries: int = 0
    retry_delay: float = 0
    profile: bool = False
    transfer_modules: Any = True
    env: Any = None  # given as a text, kept as a `NamedEnvironment`
    submit: SubmitOptions = NO_SUBMIT_OPTIONS

    def __post_init__(self) -> None:
        _check_type(self.type)
        _check_int("cores", self.cores, 1)
        if self.label is None:
            object.__setattr__(self, "label", "")
        _check_text("label", self.label)
        _check_int("priority", self.priority, 0)
        _check_bool("restartable", self.restartable)
        _check_bool("kill_process", self.kill_process)
        _check_time("timeout", self.timeout, MAX_SECONDS)
        _check_time("max_runtime", self.max_runtime, MAX_SECONDS / 60)
        if self.timeout is not None and self.max_runtime is not None:
            raise ValueError("timeout and max_runtime mean the same: give one of them")
        if self.memory is not None:
            _check_int("memory", self.memory, 1, MAX_MEMORY)
        object.__setattr__(self, "os_env_vars", _pairs(self.os_env_vars))
        _check_int("retries", self.retries, 0)
        _check_delay(self.retry_delay)
        _check_bool("profile", self.profile)
        object.__setattr__(self, "transfer_modules", _names(self.transfer_modules))
        object.__setattr__(self, "env", _environment(self.env))
        object.__setattr__(self, "bare", self)
        object.__setattr__(self, "_hash", hash(tuple(getattr(self, name) for name in _OWN)))

    if TYPE_CHECKING:

        @property
        def bare(self) -> "JobOptions":
            """The same without what belongs to one submission: a part of the key of a spec."""

    def __hash__(self) -> int:
        # Asked for at every call, so it is made once.
        known: int = self.__dict__["_hash"]
        return known

    def with_keywords(self, kwargs: dict[str, Any]) -> "tuple[JobOptions, dict[str, Any]]":
        """Split off the underscore keywords of a call; return what is left of it too.

        Raises:
            TypeError: an underscore keyword that PiCloud does not know.
        """
        ours = {name[1:]: item for name, item in kwargs.items() if name.startswith("_")}
        if not ours:
            return self, kwargs
        for name in ours:
            if name not in _NAMES:
                raise unknown_option(f"_{name}", [f"_{known}" for known in _NAMES])
        rest = {name: item for name, item in kwargs.items() if not name.startswith("_")}
        return self.changed(ours), rest

    def changed(self, options: Mapping[str, Any]) -> "JobOptions":
        """Make the same with some options changed."""
        for name in options:
            if name not in _NAMES:
                raise unknown_option(name, list(_NAMES))
        given = {name: item for name, item in options.items() if name in SUBMIT_NAMES}
        bare = self.bare
        if len(given) < len(options):
            own = {name: item for name, item in options.items() if name not in given}
            bare = replace(bare, **own)
        submit = self.submit
        if submit is NO_SUBMIT_OPTIONS and given:
            submit = SubmitOptions(**given)  # `replace` takes longer
        elif given:
            submit = replace(submit, **given)
        return bare if submit is NO_SUBMIT_OPTIONS else bare._with(submit)

    def in_environment(self, digest: str) -> "JobOptions":
        """Make the same with what the name of the environment means now."""
        bare = replace(self.bare, env=replace(self.env, digest=digest))
        return bare._with(self.submit)

    def _with(self, submit: SubmitOptions) -> "JobOptions":
        """Put in what was checked already; in a chain of jobs every call comes here."""
        options = object.__new__(JobOptions)
        options.__dict__.update(self.__dict__, submit=submit)
        return options

    def named(self) -> dict[str, Any]:
        """All options that differ from the defaults, by name."""
        every = {**vars(self), **vars(self.submit)}
        defaults = {**vars(NO_OPTIONS), **vars(NO_SUBMIT_OPTIONS)}
        return {name: every[name] for name in _NAMES if every[name] != defaults[name]}

    def check_fits(self, most_cores: Mapping[str, int]) -> None:
        """Refuse what is impossible where a job can have so many cores of each type at most.

        Raises:
            ValueError: no worker could ever run such a job.
        """
        most = most_cores.get(self.type, 0)
        if self.cores > most:
            there_are = f"at most {most}" if most else "none"
            asked_for = "1 core" if self.cores == 1 else f"{self.cores} cores"
            raise ValueError(
                f"no worker of this cloud can ever run a job with {asked_for} "
                f"of type {self.type}: it has {there_are}"
            )

    def spec(self, name: str, python: str) -> JobSpec:
        """Say it in the words of the wire."""
        seconds = self.timeout if self.max_runtime is None else self.max_runtime * 60
        return JobSpec(
            name,
            python,
            self.type,
            self.cores,
            self.priority,
            self.restartable,
            self.kill_process,
            float(seconds or 0),
            self.memory or 0,
            self.label or "",
            dict(self.os_env_vars) if self.os_env_vars else None,
            self.retries,
            float(self.retry_delay),
            self.profile,
            self.env.digest if self.env is not None else "",
        )


_OWN = tuple(field.name for field in fields(JobOptions) if field.name != "submit")
_NAMES = (*_OWN, *SUBMIT_NAMES)


def _names(item: Any) -> bool | tuple[str, ...]:
    """True for all modules, or the names of those that may travel."""
    if type(item) is bool:
        return item or ()
    names = tuple(item) if isinstance(item, Iterable) and not isinstance(item, str) else (item,)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"transfer_modules is True, False or a list of names of modules, not {item!r:.80}"
        )
    return tuple(sorted(names))


def _environment(item: object) -> NamedEnvironment | None:
    if item is None or isinstance(item, NamedEnvironment):
        return item
    return NamedEnvironment(checked_environment_name(item))


def checked_environment_name(item: object) -> str:
    """Check the name of an environment."""
    if not isinstance(item, str):
        raise TypeError(f"the name of an environment is a text, not {item!r:.80}")
    if not is_environment_name(item):
        raise ValueError(
            f"an environment cannot be named {item!r:.120}: a name has up to "
            f"{MAX_ENVIRONMENT_NAME} letters, digits, dots, dashes and underscores"
        )
    return item


def unknown_option(name: str, known: list[str]) -> TypeError:
    """Make the error for an option that does not exist, with the nearest that does."""
    import difflib  # only for what is misspelt

    if name == "max_workers":
        return TypeError(
            "an executor has the workers of its cloud: say how many with cloud.embedded(workers=2)"
        )
    if name.lstrip("_") == "vol":
        return TypeError(f"{name} is not available yet: there are no volumes")
    nearest = difflib.get_close_matches(name, known, 1, 0.5)
    advice = f"; did you mean {nearest[0]}?" if nearest else f"; there are {', '.join(known)}"
    return TypeError(f"there is no option {name}{advice}")


def check_timeout(timeout: object) -> float | None:
    """Check the `timeout` of a waiting verb: seconds, or None to wait as long as it takes."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is a number of seconds or None, not {timeout!r:.80}")
    if not timeout >= 0:  # so written, this takes in nan
        raise ValueError(f"timeout is at least 0 seconds, not {timeout!r:.80}")
    return float(timeout) if timeout <= MAX_SECONDS else None


def _check_type(item: object) -> None:
    if not isinstance(item, str):
        raise TypeError(f"type is one of {', '.join(CORE_TYPES)}, not {item!r:.80}")
    if item not in CORE_TYPES:
        raise ValueError(f"there is no type {item!r:.80} of cores: take one of {CORE_TYPES}")


def _check_int(name: str, item: object, least: int, most: int = MAX_INT) -> None:
    if isinstance(item, bool) or not isinstance(item, int):
        raise TypeError(f"{name} is a whole number, not {item!r:.80}")
    if not least <= item <= most:
        raise ValueError(f"{name} is from {least} to {most}, not {item!r:.80}")


def _check_bool(name: str, item: object) -> None:
    if not isinstance(item, bool):
        raise TypeError(f"{name} is True or False, not {item!r:.80}")


def _check_text(name: str, item: object) -> None:
    if not isinstance(item, str):
        raise TypeError(f"{name} is a text, not {item!r:.80}")
    if len(item) > MAX_LABEL:
        raise ValueError(f"{name} has at most {MAX_LABEL} characters")
    _encoded(name, item)


def _encoded(name: str, text: str) -> bytes:
    """Encode a text as the operating system will have it, whatever this one's locale is."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} has a character that cannot be encoded: {error}") from None


def _check_time(name: str, item: object, most: float) -> None:
    if item is None:
        return
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise TypeError(f"{name} is a number, not {item!r:.80}")
    if not 0 < item <= most:
        raise ValueError(f"{name} is more than 0 and at most {most:.0f}, not {item!r:.80}")


def _check_delay(item: object) -> None:
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise TypeError(f"retry_delay is a number, not {item!r:.80}")
    if not 0 <= item <= MAX_SECONDS:
        raise ValueError(f"retry_delay is from 0 to {MAX_SECONDS:.0f} seconds, not {item!r:.80}")


def _pairs(item: object) -> tuple[tuple[str, str], ...] | None:
    """Values are read when the options are made, as a value is what options are."""
    if item is None:
        return None
    if isinstance(item, str | bytes) or not isinstance(item, Iterable):
        raise TypeError("os_env_vars is a list of names or a dict of names and values")
    if isinstance(item, Mapping):
        given = dict(item)
    elif isinstance(item, tuple) and all(isinstance(each, tuple) for each in item):
        given = dict(item)  # our own form, on `replace`
    else:
        names = list(item)
        _check_names(names)
        given = {name: os.environ[name] for name in names if name in os.environ}
    _check_names(given)
    for name, text in given.items():
        if not isinstance(text, str) or "\0" in text:
            raise TypeError(f"the environment variable {name} is a text without NUL characters")
    _check_env_size(given)
    return tuple(sorted(given.items())) or None


def _check_env_size(given: Mapping[str, str]) -> None:
    """A worker gives these to a process, and the wire carries them in one message."""
    if len(given) > MAX_ENV_VARS:
        raise ValueError(f"os_env_vars are at most {MAX_ENV_VARS} variables, not {len(given)}")
    total = 0
    for name, text in given.items():
        entry = f"{name}={text}"
        size = len(_encoded(f"the environment variable {name!a:.80}", entry)) + 1
        if size > MAX_ENV_VAR:
            raise ValueError(
                f"the environment variable {name!a:.80} takes {size} bytes, at most {MAX_ENV_VAR}"
            )
        total += size
    if total > MAX_ENV:
        raise ValueError(f"os_env_vars take {total} bytes together, at most {MAX_ENV}")


def _check_names(names: Iterable[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name of an environment variable is a text, not {name!r:.80}")
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"no environment variable can have the name {name!r:.80}")


NO_OPTIONS = JobOptions()
