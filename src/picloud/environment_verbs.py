"""`cloud.env`: environments by name, resolved here by uv and built by it where jobs run."""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from picloud import errors
from picloud.blocking import drive
from picloud.connected import ask_all
from picloud.environment_names import MY_PYTHON
from picloud.job_options import checked_environment_name
from picloud.protocol import limits
from picloud.protocol.client_messages import Answer
from picloud.protocol.environment_messages import (
    AskEnvironment,
    CreateEnvironment,
    DeleteEnvironment,
    EnvironmentRead,
    EnvironmentsListed,
    ListEnvironments,
)
from picloud.protocol.environments import environment_of, is_python
from picloud.protocol.ids import RequestId
from picloud.waiters import Waiter
from picloud.watches import Question

if TYPE_CHECKING:
    from picloud.connected import Connected


Texts = list[str]  # in the class below, `list` is a verb


class EnvironmentVerbs:
    """The environments of an account: packages, and a Python, that jobs may ask for by name.

    Each verb has a twin for asyncio, with an `a` in front.
    """

    __slots__ = ("_session_of",)

    def __init__(self, session_of: "Callable[[], Connected]") -> None:
        self._session_of = session_of

    def create(
        self, name: str, requirements: Iterable[str] = (), python: str | None = None
    ) -> None:
        """Let a name mean these packages from now on.

        They are resolved now, to exact versions; workers install them when a job needs them. Jobs
        that were submitted with the same name before keep what it meant then.

        Args:
            name: letters, digits, dots, dashes and underscores.
            requirements: as pip takes them, such as "numpy>=2".
            python: minor version, such as "3.12"; by default the one that runs here.

        Raises:
            TypeError, ValueError: an argument makes no sense.
            EnvironmentUnavailable: uv is not here, or cannot resolve them; its words say why.
        """
        drive(self.acreate(name, requirements, python), "env.create")

    def list(self) -> Texts:
        """The names of all environments, sorted."""
        return drive(self.alist(), "env.list")

    def info(self, name: str) -> dict[str, Any]:
        """What a name means: its `name`, `python`, `packages` (one line for each) and `digest`.

        Raises:
            EnvironmentUnavailable: there is none of this name.
        """
        return drive(self.ainfo(name), "env.info")

    def delete(self, name: str) -> None:
        """Forget a name. Jobs that were submitted with it run all the same.

        Raises:
            EnvironmentUnavailable: there is none of this name.
        """
        drive(self.adelete(name), "env.delete")

    async def acreate(
        self, name: str, requirements: Iterable[str] = (), python: str | None = None
    ) -> None:
        """The same as `create`, for asyncio."""
        checked_environment_name(name)
        wanted, version = _checked_requirements(requirements), _checked_python(python)
        lock = environment_of(version, await _resolved(wanted, version)).lock
        if len(lock) > limits.MAX_LOCK:
            raise errors.EnvironmentUnavailable(
                f"{lock.count(chr(10))} packages are too many for one environment"
            )
        await self._ask(lambda number: CreateEnvironment(number, name, version, lock))

    async def alist(self) -> Texts:
        """The same as `list`, for asyncio."""
        answer = await self._ask(ListEnvironments)
        assert isinstance(answer, EnvironmentsListed)  # the answer to this question
        return answer.names

    async def ainfo(self, name: str) -> dict[str, Any]:
        """The same as `info`, for asyncio."""
        checked_environment_name(name)
        answer = await self._ask(lambda number: AskEnvironment(number, name))
        assert isinstance(answer, EnvironmentRead)  # the answer to this question
        return {
            "name": name,
            "python": answer.python,
            "packages": answer.lock.splitlines(),
            "digest": answer.digest,
        }

    async def adelete(self, name: str) -> None:
        """The same as `delete`, for asyncio."""
        checked_environment_name(name)
        await self._ask(lambda number: DeleteEnvironment(number, name))

    async def _ask(self, make: Callable[[RequestId], object]) -> Answer:
        client = await self._session_of()._opened()
        [answer] = await ask_all(client, [Question(make)], errors.EnvironmentUnavailable)
        return answer


def _checked_requirements(item: object) -> Texts:
    if isinstance(item, str | bytes) or not isinstance(item, Iterable):
        raise TypeError(f"requirements are a list of texts, not {item!r:.80}")
    found = list(item)
    for each in found:
        if not isinstance(each, str):
            raise TypeError(f"a requirement is a text, such as 'numpy>=2', not {each!r:.80}")
        if not each.strip() or "\n" in each or each.lstrip().startswith(("-", "#")):
            raise ValueError(f"a requirement names a package, such as 'numpy>=2', not {each!r:.80}")
    return found


def _checked_python(item: object) -> str:
    if item is None:
        return MY_PYTHON
    if not isinstance(item, str):
        raise TypeError(f"python is a text, such as '3.12', not {item!r:.80}")
    if not is_python(item):
        raise ValueError(f"python is a minor version of Python 3, such as '3.12', not {item!r:.80}")
    return item


async def _resolved(requirements: Texts, python: str) -> str:
    """Have uv choose exact versions, in a thread: it may ask an index for a while."""
    if not requirements:
        return ""
    waiter = Waiter()
    found: list[str | Exception] = []
    threading.Thread(
        target=_resolve, args=(requirements, python, found, waiter), name="picloud uv", daemon=True
    ).start()
    await waiter
    [lock] = found
    if isinstance(lock, Exception):
        from picloud.aio.installer import NO_UV, REMEDY

        text = str(lock)
        hint = f"{REMEDY}, or put uv on the PATH" if text == NO_UV else None
        raise errors.EnvironmentUnavailable(
            f"the requirements cannot be resolved: {text}", hint=hint
        ) from lock
    return lock


def _resolve(
    requirements: Texts, python: str, found: list[str | Exception], waiter: Waiter
) -> None:
    import sys

    from picloud.aio.installer import Installer

    # Any Python will do to choose packages for another; this one is there.
    command = ["pip", "compile", "--no-header", "--no-annotate", "--python", sys.executable]
    try:
        given = "".join(f"{each}\n" for each in requirements)
        found.append(Installer().run([*command, "--python-version", python, "-"], given))
    except Exception as error:  # noqa: BLE001 - told to whoever waits
        found.append(error)
    finally:
        waiter.set()
