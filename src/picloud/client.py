"""One client session with a master: what a `Session` has on the engine's loop.

Threads of the user hand over work by posting to that loop. All that is posted in one turn of it
leaves as one frame, submissions first, so that nothing names a job before the job is known.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from picloud import errors
from picloud.aio.loop_thread import LoopThread
from picloud.aio.session import LinkSession
from picloud.client_exchange import ClientExchange
from picloud.environment_names import EnvironmentNames
from picloud.grants import Secrets
from picloud.outcomes import Collector
from picloud.protocol import client_messages as messages
from picloud.protocol.environment_messages import EnvironmentChanged, PythonsOffered
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.link import LinkClosed, LinkEvent, MessagesReceived, PeerDrained
from picloud.protocol.link_messages import CloseReason
from picloud.protocol.tree_messages import FilesWanted
from picloud.submission_stream import SubmissionStream
from picloud.waiters import Waiter, Wake
from picloud.watches import Question, Questions, Watches

if TYPE_CHECKING:
    from picloud.blobs.store import BlobStore

_ERRORS = {CloseReason.VERSION: errors.VersionMismatch}


class Client:
    """Submits, watches and asks over one link, for all threads of a session.

    Args:
        thread: the engine's.
        secrets: takes those of the ids that the session is given.
        blobs: where large parts of values are kept on this machine.
    """

    def __init__(
        self,
        thread: LoopThread,
        secrets: Secrets,
        blobs: "Callable[[], BlobStore]",
    ) -> None:
        self._thread = thread
        self.link: LinkSession | None = None
        self._watches = Watches(self.flush_soon)
        self._questions = Questions()
        self._delayed: list[Question] = []
        self.exchange = ClientExchange(self, blobs)
        self._flush_is_due = False
        self._loss: BaseException | None = None
        self.submissions = SubmissionStream(
            thread.loop, self.post, self.flush, self._watches.expect, secrets
        )
        self.environments = EnvironmentNames()
        self._handlers: dict[type, Callable[[Any], object]] = {
            messages.JidsReserved: self.submissions.on_jids_reserved,
            FilesWanted: self.submissions.on_files_wanted,
            EnvironmentChanged: self.environments.on_changed,
            PythonsOffered: self.environments.on_pythons,
            messages.JobsDone: self._watches.on_jobs_done,
            messages.JobFailed: self._watches.on_job_failed,
            messages.JobsUnknown: self._watches.on_jobs_unknown,
            **dict.fromkeys(get_args(messages.Answer), self._questions.on_answer),
            **self.exchange.handlers,
        }

    # ------------------------------------------------------------------ any thread

    @property
    def is_lost(self) -> bool:
        """True when this client is of no more use."""
        return self._loss is not None

    async def wait_ready(self) -> None:
        """Return when something can be submitted.

        Raises:
            CloudException: the master is out of reach.
        """
        if await self.submissions.ready() is Wake.LOST:
            raise self.loss()

    def loss(self) -> BaseException:
        """Make the error that says why the master is gone; a new one for each who raises it."""
        cause = self._loss
        if isinstance(cause, errors.CloudException):
            copy = type(cause)(cause.message, hint=cause.hint)
            copy.__cause__ = cause.__cause__
            return copy
        lost = errors.ConnectionLost(f"the cloud has stopped: {type(cause).__name__}: {cause}")
        lost.__cause__ = cause
        return lost

    def watch(self, collector: Collector) -> None:
        """Have the collector told the outcomes of its jobs."""
        self.post(self._watch, collector)

    def forget(self, collector: Collector) -> None:
        """The collector waits no more."""
        self.post(self._forget, collector)

    def forget_outcomes(self, jids: Sequence[int]) -> None:
        """These jobs are deleted: what is known here of their outcomes is, too."""
        self.submissions.disown(jids)
        self.post(self._watches.forget, jids)

    def expire(self, waiter: Waiter, seconds: float) -> None:
        """Wake the waiter after this time, if nothing else has by then."""
        self.post(self._set_timer, waiter, seconds)

    def ask(self, question: Question) -> None:
        """Send a request; the question is set when its answer has come."""
        self.post(self._ask, question)

    # ------------------------------------------------------------------ the opener's side

    def attach(self, link: LinkSession) -> None:
        """Use this link; its events go to `on_link_event`."""
        self.link = link
        self.submissions.attach(link)

    def on_link_event(self, event: LinkEvent) -> None:
        """Take an event of the link."""
        if type(event) is MessagesReceived:
            for message in event.messages:
                self._on_message(message)
        elif type(event) is LinkClosed:
            text = event.text or event.reason.value
            cls = _ERRORS.get(event.reason, errors.ConnectionLost)
            self.fail(cls(f"the connection to the master is over: {text}"))
        elif type(event) is PeerDrained and self.link is not None:
            self.link.drain()  # the master is leaving; what it had to say, it has said

    def fail(self, error: BaseException) -> None:
        """The master is out of reach, for this reason: tell all who wait, now and later."""
        if self._loss is None:
            self._loss = error
            self.submissions.lose()
            self._watches.lose()
            self._questions.lose()
            self.exchange.lose()
            for question in self._delayed:
                question.set(Wake.LOST)

    def flush(self) -> None:
        """Hand over to the link all that was submitted or asked so far."""
        self._flush_is_due = False
        if self.link is not None and self.submissions.is_open:
            if self.submissions.send():
                self._watches.send(self.link)
                delayed, self._delayed = self._delayed, []
                for question in delayed:
                    self._questions.ask(question, self.link)
                self.exchange.send()
            self.link.flush()

    # ------------------------------------------------------------------ posted

    def post(self, function: Callable[..., object], *args: Any) -> None:
        thread = self._thread
        if not thread.loop.is_closed():
            try:
                thread.post(function, *args)
            except RuntimeError:
                if not thread.loop.is_closed():
                    raise
            else:
                return
        # The loop has ended, so nothing is disturbed: the waiters in `args` learn of the loss.
        function(*args)

    def _watch(self, collector: Collector) -> None:
        if self._loss is not None:
            collector.lose()
        else:
            self._watches.add(collector)

    def _forget(self, collector: Collector) -> None:
        self._watches.remove(collector)
        if isinstance(collector, Waiter):
            collector.set(Wake.EXPIRED)  # nobody wakes up, but its timer ends

    def _set_timer(self, waiter: Waiter, seconds: float) -> None:
        if self._loss is not None:
            waiter.set(Wake.LOST)
        elif waiter.outcome is None:
            waiter.timer = self._thread.loop.call_later(seconds, waiter.set, Wake.EXPIRED)

    def _ask(self, question: Question) -> None:
        if self.link is None or self._loss is not None:
            question.set(Wake.LOST)
        else:
            self._delayed.append(question)  # it may be about jobs that are not sent yet
            self.flush()

    def flush_soon(self) -> None:
        """Flush at the end of this turn, so that what is posted together travels together."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self._thread.loop.call_soon(self.flush)

    # ------------------------------------------------------------------ received

    def _on_message(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is not None:
            try:
                handler(message)
            except RemoteProtocolError as error:
                assert self.link is not None  # it has brought the message
                self.link.close(CloseReason.PROTOCOL, str(error))
        elif self.link is not None:
            self.link.close(CloseReason.PROTOCOL, f"a {type(message).__name__} for a client")
