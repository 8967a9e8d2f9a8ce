"""What the verbs build on: a master, reached over a link of their own or from inside a job."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from picloud import errors
from picloud.dependencies import Dependencies
from picloud.grants import Grant
from picloud.job_options import JobOptions
from picloud.large_values import Exchange
from picloud.outcomes import Collector
from picloud.protocol import client_messages as messages
from picloud.protocol.ids import JobId, RequestId
from picloud.protocol.jobs import JobSpec
from picloud.submissions import Spec
from picloud.waiters import Waiter, Wake
from picloud.watches import JIDS_PER_MESSAGE, Question

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore

WHY_TIME = 5.0
"""Seconds that a timed-out wait gives the master to say why."""


class Submissions(Protocol):
    """Takes jobs, from every thread."""

    @property
    def is_blocked(self) -> bool:
        """True while nothing can be submitted at once."""

    def submit(
        self,
        spec: Spec,
        payload: bytes,
        handles: list[int] | None = None,
        after: Dependencies | None = None,
    ) -> int | None:
        """Take an id for a job and have it sent soon; None if it must wait."""

    def submit_many(
        self,
        spec: Spec,
        payloads: list[bytes],
        handles: list[list[int]] | None = None,
        after: Dependencies | None = None,
    ) -> range:
        """The same for several jobs, as far as there are ids; the ids used are consecutive."""

    def owns(self, first: int, stop: int) -> bool:
        """True if these jobs were submitted here."""


class KnownEnvironments(Protocol):
    """What a session knows of environments, and of the Pythons of workers."""

    async def resolve(self, client: "AnyClient", options: JobOptions) -> JobOptions:
        """Say in the options what the name of their environment means now."""

    def check(self, spec: JobSpec) -> None:
        """Refuse what no worker can run."""


class AnyClient(Protocol):
    """A client of a master, of either kind: submits, watches and asks for a session's threads."""

    @property
    def environments(self) -> KnownEnvironments:
        """What is known of the names of environments."""

    @property
    def submissions(self) -> Submissions:
        """Where jobs go."""

    async def wait_ready(self) -> None:
        """Return when something can be submitted.

        Raises:
            CloudException: the master is out of reach.
        """

    def loss(self) -> BaseException:
        """Make the error that says why the master is gone."""

    def watch(self, collector: Collector) -> None:
        """Have the collector told the outcomes of its jobs."""

    def forget(self, collector: Collector) -> None:
        """The collector waits no more."""

    def forget_outcomes(self, jids: Sequence[int]) -> None:
        """These jobs are deleted: what is known here of their outcomes is, too."""

    def expire(self, waiter: Waiter, seconds: float) -> None:
        """Wake the waiter after this time, if nothing else has by then."""

    def ask(self, question: Question) -> None:
        """Send a request; the question is set when its answer has come."""

    @property
    def exchange(self) -> Exchange:
        """The way of blobs to the master and back."""


class Connected(ABC):
    """A session as its verbs see it; each kind of session knows how to connect."""

    _client: AnyClient | None = None

    clock: Callable[[], float] = staticmethod(time.monotonic)
    """What time limits are measured by."""

    blobs: "Callable[[], BlobStore] | None" = None
    """Where large parts of values are kept on this machine; None if they stay in one piece."""

    origin: str | None
    """Equal for sessions whose jobs are the same; None inside a job, where all jobs that can be
    reached are of the cloud that runs it, and before it is known."""

    @property
    @abstractmethod
    def is_lost(self) -> bool:
        """True when the session is closed or its master is gone: its verbs raise ConnectionLost."""

    @abstractmethod
    def grants(self, first: int, stop: int) -> list[Grant]:
        """Capabilities of those of these jobs that are this session's own."""

    @abstractmethod
    async def _opened(self) -> AnyClient:
        """Return the client, once it is connected."""

    async def resolved(self, options: JobOptions) -> JobOptions:
        """Say in the options what the name of their environment means now.

        Raises:
            EnvironmentUnavailable: there is none of this name, or it is for another Python.
        """
        client = self._client or await self._opened()
        return await client.environments.resolve(client, options)


async def ask_in_pieces(
    client: AnyClient,
    kind: Callable[[RequestId, Any], object],
    jids: Sequence[int],
    size: int = JIDS_PER_MESSAGE,
) -> list[messages.Answer]:
    """Ask about any number of jobs, so many at once.

    Raises:
        CloudException: a question was refused, or the master is gone.
    """

    def question(start: int) -> Question:
        piece = list(jids[start : start + size])
        return Question(lambda number: kind(number, piece))

    return await ask_all(client, [question(start) for start in range(0, len(jids), size)])


async def ask_all(
    client: AnyClient,
    questions: list[Question],
    refusal: type[errors.CloudException] = errors.CloudException,
) -> list[messages.Answer]:
    """Ask, and return the answers; `refusal` is raised for one that is not about a job.

    Raises:
        CloudException: a question was refused, or the master is gone.
    """
    for question in questions:
        client.ask(question)
    answers: list[messages.Answer] = []
    for question in questions:
        if await question is Wake.LOST:
            raise client.loss()
        assert question.answer is not None  # set before the wake-up
        answers.append(question.answer)
    for answer in answers:
        if isinstance(answer, messages.Refused):
            raise _refusal(answer, refusal)
    return answers


def _refusal(answer: messages.Refused, kind: type[errors.CloudException]) -> errors.CloudException:
    if answer.cycle:
        return errors.job_in_cycle(answer.jid)
    if answer.unknown:
        return errors.unknown_job(answer.jid)
    return kind(answer.text, answer.jid or None)


async def timeout_error(client: AnyClient, jid: int) -> errors.CloudTimeoutError:
    """Ask why a job has not finished, and make the error of a wait for it that took too long."""
    why = Question(lambda number: messages.AskWhy(number, JobId(jid)))
    status = Question(lambda number: messages.AskStatus(number, [JobId(jid)]))
    for question in (why, status):
        client.ask(question)
        client.expire(question, WHY_TIME)
    for question in (why, status):
        if await question is Wake.LOST:
            raise client.loss()
    text = f"the master has not answered for {WHY_TIME:.0f} s"
    if isinstance(why.answer, messages.ReasonRead | messages.Refused):
        text = why.answer.text
    answer = status.answer
    word = answer.statuses[0] if isinstance(answer, messages.StatusesRead) else None
    return errors.CloudTimeoutError(text, jid, word)
