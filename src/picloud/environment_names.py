"""What the names of environments mean, as one session knows it, and which Pythons workers have."""

import platform
from collections.abc import Sequence

from picloud import errors
from picloud.connected import AnyClient, ask_all
from picloud.job_options import JobOptions
from picloud.protocol.environment_messages import (
    AskEnvironment,
    EnvironmentChanged,
    EnvironmentRead,
    PythonsOffered,
)
from picloud.protocol.jobs import JobSpec
from picloud.watches import Question

MY_PYTHON = ".".join(platform.python_version_tuple()[:2])


class EnvironmentNames:
    """Of one session. The master says when a name that may be known here means something else.

    Attributes:
        pythons: the minor versions of workers' Pythons; none while there is no worker.
    """

    def __init__(self) -> None:
        self.pythons: Sequence[str] = ()
        self._known: dict[str, EnvironmentRead] = {}
        self._changes = 0

    def on_changed(self, message: EnvironmentChanged) -> None:
        """Ask again before it is used again."""
        self._changes += 1
        self._known.pop(message.name, None)

    def on_pythons(self, message: PythonsOffered) -> None:
        """The fleet has changed."""
        self.pythons = message.pythons

    async def resolve(self, client: AnyClient, options: JobOptions) -> JobOptions:
        """Say in the options what the name of their environment means now.

        Raises:
            EnvironmentUnavailable: there is none of this name, or it is for another Python.
        """
        name = options.env.name
        known = self._known.get(name)
        if known is None:
            changes = self._changes
            question = Question(lambda number: AskEnvironment(number, name))
            [answer] = await ask_all(client, [question], errors.EnvironmentUnavailable)
            assert isinstance(answer, EnvironmentRead)  # the answer to this question
            known = answer
            if changes == self._changes:
                self._known[name] = known
        if known.python != MY_PYTHON:
            raise other_python(name, known.python)
        return options.in_environment(known.digest)

    def check(self, spec: JobSpec) -> None:
        """Refuse what no worker can run.

        Raises:
            EnvironmentUnavailable: all workers have another Python, and none is asked for.
        """
        if self.pythons and not spec.environment and spec.python not in self.pythons:
            offered = " and ".join(self.pythons)
            raise errors.EnvironmentUnavailable(
                f"this program runs Python {spec.python}, and the workers of this cloud run "
                f"Python {offered}: a function can only be read by the minor version that "
                "pickled it",
                hint=f'create an environment, cloud.env.create("name", python="{spec.python}"), '
                f'and submit with _env="name"; or start a worker under Python {spec.python}',
            )


def other_python(name: str, python: str) -> errors.EnvironmentUnavailable:
    """Make the error for an environment whose jobs this program cannot submit."""
    return errors.EnvironmentUnavailable(
        f"the environment {name!r} is for Python {python}, and this program runs Python "
        f"{MY_PYTHON}: a function can only be read by the minor version that pickled it",
        hint=f"submit from Python {python}, or create an environment for Python {MY_PYTHON}",
    )
