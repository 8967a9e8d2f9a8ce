"""The cloud inside a job: a session over the line of the job's interpreter.

There is no engine here: threads of the job say what they have to say themselves, and whoever waits
hears for all of them. A job has no rights but its own: the master knows which jobs it made, was
given or read of, and other handles have to be presented with their capabilities.

Neither this nor what it imports loads asyncio: a job that does not await is spared it.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from picloud import errors, inside
from picloud.blocking_verbs import BlockingVerbs
from picloud.connected import AnyClient
from picloud.grants import Grant, Secrets
from picloud.job import Job, JobMap, grants_of
from picloud.job_options import JobOptions
from picloud.nested_exchange import NestedExchange
from picloud.nested_submissions import Mail, NestedSubmissions, nothing, undisturbed
from picloud.outcomes import Collector
from picloud.protocol import client_messages as messages
from picloud.protocol.environment_messages import EnvironmentChanged, PythonsOffered
from picloud.protocol.wire import WIRE
from picloud.result_streams import Opened
from picloud.submissions import Spec
from picloud.submit_verbs import SpecKey
from picloud.waiters import Waiter, Wake, running_loop
from picloud.watches import Question, Questions, Watches

if TYPE_CHECKING:
    import asyncio

    from picloud.environment_names import EnvironmentNames
    from picloud.job_futures import ServingThread
    from picloud.listening_thread import ListeningThread
    from picloud.submit_options import SubmitOptions

_GRANTS_PER_MESSAGE = 10_000
"""Of handles of single jobs there may be many."""

_CHAIN_PATIENCE = 1.0
"""Seconds that an error waits for what makes its text better."""


class NestedSession(BlockingVerbs):
    """The cloud as a running job uses it, with every verb; it ends with the job's attempt.

    `close` has nothing to end. Futures and callbacks are served by threads of the job: it lends its
    cores as long as it has futures whose jobs have not ended, or jobs that are to call back. When
    its function has ended it waits for the callbacks that are due, and for no others.
    """

    origin: str | None = None
    client_type: "ClassVar[type[NestedClient]]"

    def __init__(self, line: inside.Line) -> None:
        self._specs: dict[SpecKey, Spec] = {}
        self._secrets = Secrets()
        self.blobs = line.blobs
        self._client: NestedClient = self.client_type(line, self._secrets)
        self._callbacks: ListeningThread | None = None

    @property
    def is_lost(self) -> bool:
        """True when the attempt that the session belongs to has ended."""
        return self._client.is_over

    async def _opened(self) -> AnyClient:
        if self._client.is_over:
            raise self._client.loss()
        return self._client

    async def aclose(self) -> bool:
        """There is nothing to close: the session ends with the job."""
        return False

    def grants(self, first: int, stop: int) -> list[Grant]:
        """Capabilities of those of these jobs that this job has made."""
        return self._secrets.grants(first, stop)

    def _future_thread(self) -> "ServingThread":
        from picloud.listening_thread import ListeningThread  # few jobs use futures

        return ListeningThread("picloud futures", self._client)

    def _call_back(self, jids: range, options: "SubmitOptions") -> None:
        from picloud.callbacks import CallbackCollector
        from picloud.listening_thread import ListeningThread

        if self._callbacks is None:
            self._callbacks = ListeningThread("picloud callbacks", self._client)
            self._client.line.at_end = self._callbacks.finish
        collector = CallbackCollector(jids, options, self, self._callbacks)
        self._callbacks.watch(self._client, collector)

    def _check_offer(self, options: JobOptions) -> None:
        if inside.most_cores:
            options.check_fits(inside.most_cores)

    def _present(self, grants: Sequence[Grant]) -> None:
        self._client.present(grants)

    def _opened_to(self, strangers: list[Job | JobMap]) -> Opened:
        async def opened() -> AnyClient:
            client = await self._opened()
            self._client.present([grant for jobs in strangers for grant in grants_of(jobs)])
            return client

        return opened  # a job cannot tell one cloud from another

    def _at_hand(self, jids: Sequence[int]) -> Sequence[bytes] | None:
        return self._client.take_results(jids)


class NestedClient:
    """Says, hears and remembers what the session of one attempt needs to."""

    now: Callable[[], float] = staticmethod(time.monotonic)
    """The clock that deadlines are read from."""

    def __init__(self, line: inside.Line, secrets: Secrets) -> None:
        self.line = line
        self._attempt = line.current()
        self._secrets = secrets
        self._lock = threading.RLock()  # what is heard may be heard by any thread
        self._mail = Mail(line)
        self._watches = Watches(nothing)
        self._questions = Questions()
        self.exchange = NestedExchange(line, self._mail, self._lock, self, lambda: self.is_over)
        self._presented: set[Grant] = set()
        self._refusal: str | None = None
        self._chain: str | None = None  # of functions that have led here, once it was asked for
        line.on_heard = self._on_heard
        line.on_refused = self._on_refused
        if inputs := line.inputs:
            self._watches.take_early(WIRE.decode(inputs))

    @cached_property
    def environments(self) -> "EnvironmentNames":
        """What this job knows of the names of environments; hardly any asks."""
        from picloud.environment_names import EnvironmentNames

        return EnvironmentNames()

    @cached_property
    def submissions(self) -> NestedSubmissions:
        """What this job submits: many only read what others have made."""
        return NestedSubmissions(self.line, self._mail, self._lock)

    @property
    def is_over(self) -> bool:
        """True once the attempt has ended, or where this is not its process."""
        return inside.line is not self.line or self.line.current() != self._attempt

    def loss(self) -> BaseException:
        """Make the error that says why nothing more can be waited for."""
        if self._refusal is not None and not self.is_over:
            return self._too_deep(self._refusal)
        return errors.ConnectionLost(
            "the job that this session belongs to has ended",
            hint="use cloud.call(...) and the like, or current_session() in the job's function: "
            "a process runs job after job, and what a module keeps outlives each",
        )

    async def wait_ready(self) -> None:
        """Return when there are ids for new jobs.

        Raises:
            ConnectionLost: the job has ended.
        """
        while self.submissions.is_blocked:
            if self.is_over:
                raise self.loss()
            waiter = _Ready()
            waiter.way = self
            with self._lock:
                self.submissions.add_waiter(waiter)
            await waiter

    def take_results(self, jids: Sequence[int]) -> Sequence[bytes] | None:
        """Take out what these jobs returned if all of it came along with this job."""
        if self.is_over:
            return None
        with self._lock:
            return self._watches.take_results(jids)

    @undisturbed
    def watch(self, collector: Collector) -> None:
        """Have the collector told the outcomes of its jobs."""
        collector.way = self
        if self.is_over:
            collector.lose()
            return
        is_awaited = isinstance(collector, Waiter)  # by this thread, and right now
        with self._lock:
            self._watches.add(collector)
            if self._watches.is_due:  # else all is here: nobody need be told, or shown handles
                self._watches.send(self._mail)
                self._mail.flush(with_next=is_awaited)
            elif not is_awaited:
                self.line.say(())  # what it hopes for may have been put, and not be sent yet

    @undisturbed
    def forget(self, collector: Collector) -> None:
        """The collector waits no more."""
        with self._lock:
            self._watches.remove(collector)
        if isinstance(collector, Waiter):
            collector.set(Wake.EXPIRED)  # nobody wakes up, but its timer ends

    @undisturbed
    def forget_outcomes(self, jids: Sequence[int]) -> None:
        """These jobs are deleted: what is known here of their outcomes is, too."""
        self.submissions.disown(jids)
        with self._lock:
            self._watches.forget(jids)

    def expire(self, waiter: Waiter, seconds: float) -> None:
        """Wake the waiter after this time, if nothing else has by then."""
        loop = running_loop()
        if loop is None:
            waiter.deadline = self.now() + seconds
        elif waiter.outcome is None:
            waiter.timer = loop.call_later(seconds, waiter.set, Wake.EXPIRED)

    @undisturbed
    def present(self, grants: Sequence[Grant]) -> None:
        """Claim the jobs of handles that were loaded, each once."""
        new = [grant for grant in grants if grant not in self._presented]
        if not new or self.is_over:
            return
        with self._lock:
            self._presented.update(new)
            for start in range(0, len(new), _GRANTS_PER_MESSAGE):
                self._mail.send(_presentation(new[start : start + _GRANTS_PER_MESSAGE]))

    @undisturbed
    def ask(self, question: Question) -> None:
        """Send a request; the question is set when its answer has come."""
        question.way = self
        if self.is_over:
            question.set(Wake.LOST)
            return
        with self._lock:
            self._questions.ask(question, self._mail)
            self._mail.flush()

    # ------------------------------------------------------------------ how those who wait do it

    def sleep(self, waiter: Waiter) -> None:
        """See `Way`. An iterator that was kept may get here in a job after its own."""
        seconds: float | None = None
        if waiter.deadline is not None:
            seconds = max(0.0, waiter.deadline - self.now())
        try:
            if not self.is_over:
                self.line.sleep(waiter, seconds, lends=not waiter.is_answer)
        except errors.NestingTooDeep as error:
            raise self._too_deep(error.message) from None
        if waiter.outcome is None:
            waiter.set(Wake.LOST if self.is_over else Wake.EXPIRED)

    def attach(self, waiter: Waiter, loop: "asyncio.AbstractEventLoop") -> None:
        """See `Way`; as for `sleep`."""
        if self.is_over:
            waiter.set(Wake.LOST)
            return
        if not waiter.is_answer:
            self.line.awaited.add(waiter)
        self.line.attach(loop)

    def detach(self, waiter: Waiter) -> None:
        """See `Way`."""
        self.line.awaited.discard(waiter)

    def _too_deep(self, text: str) -> errors.NestingTooDeep:
        where = _user_function()
        if self._chain is None:
            question = Question(messages.AskChain)
            self.ask(question)
            self.line.sleep(question, _CHAIN_PATIENCE, lends=False)
            answer = question.answer
            self._chain = f": {answer.text}" if isinstance(answer, messages.ReasonRead) else ""
        return errors.NestingTooDeep(
            f"{text}; the one that would wait now is {where}{self._chain}",
            hint="pass the job on instead of its result, or let a job depend on it",
        )

    # ------------------------------------------------------------------ heard

    def _on_heard(self, heard: list[Any]) -> None:
        with self._lock:
            for message in heard:
                handler = _HANDLERS.get(type(message))
                if handler is not None:
                    handler(self, message)
                else:
                    self.exchange.handlers[type(message)](message)
            if not self.is_over:
                self._send()  # results that came without their bytes, and are wanted by now

    def _on_refused(self, text: str) -> None:
        """No room to sleep for an event loop: the coroutines get the error instead."""
        self._refusal = text
        for waiter in list(self.line.awaited):
            if isinstance(waiter, Waiter):
                waiter.set(Wake.LOST)

    def _send(self) -> None:
        self._watches.send(self._mail)
        self._mail.flush()


def _on_jids_reserved(client: NestedClient, message: messages.JidsReserved) -> None:
    client._secrets.add(message.first, message.secret)
    client.submissions.add_block(range(message.first, message.first + message.count))


_HANDLERS: dict[type, Callable[[NestedClient, Any], object]] = {
    messages.JidsReserved: _on_jids_reserved,
    EnvironmentChanged: lambda client, it: client.environments.on_changed(it),
    PythonsOffered: lambda client, it: client.environments.on_pythons(it),
    messages.JobsDone: lambda client, it: client._watches.on_jobs_done(it),
    messages.JobFailed: lambda client, it: client._watches.on_job_failed(it),
    messages.JobsUnknown: lambda client, it: client._watches.on_jobs_unknown(it),
    messages.JobsInCycle: lambda client, it: client._watches.on_jobs_in_cycle(it),
    **dict.fromkeys(get_args(messages.Answer), lambda client, it: client._questions.on_answer(it)),
}
NestedSession.client_type = NestedClient


class _Ready(Waiter):
    """Waits for ids, which come at once."""

    __slots__ = ()

    is_answer = True


def _presentation(grants: Sequence[Grant]) -> messages.PresentHandles:
    ranges = [jid for first, stop, *_ in grants for jid in (first, stop)]
    wholes = [list(each[3]) for each in grants] if any(each[3] for each in grants) else None
    return messages.PresentHandles(ranges, [each[2] for each in grants], wholes)


def _user_function() -> str:
    """Name the function of the user that waits: the nearest one that is not ours."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module not in ("picloud", "picloud_worker", "asyncio", "threading"):
            code = frame.f_code
            return f"{code.co_qualname} at {code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "the job's function"
