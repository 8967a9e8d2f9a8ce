"""What a client asks its master and hears from it: outcomes of watched jobs, and answers."""

from collections.abc import Callable
from typing import cast

from picloud.aio.session import LinkSession
from picloud.outcomes import UNKNOWN, Collector, OutcomeTable
from picloud.protocol import client_messages as messages
from picloud.protocol.ids import JobId, RequestId
from picloud.waiters import Waiter, Wake

JIDS_PER_MESSAGE = 10_000


class Watches:
    """Which jobs are watched for whom, and which must still be asked for."""

    def __init__(self) -> None:
        self._table = OutcomeTable()
        self._due: dict[bool, list[int]] = {True: [], False: []}

    def add(self, collector: Collector) -> bool:
        """Enter a collector; True if jobs must be asked for because of it."""
        jids = self._table.add(collector)
        self._due[collector.wants_results].extend(jids)
        return bool(jids)

    def remove(self, collector: Collector) -> None:
        """Forget a collector that waits no more."""
        self._table.remove(collector)

    def send(self, link: LinkSession) -> None:
        """Ask for what is due."""
        for results, jids in self._due.items():
            if jids:
                self._due[results] = []
                for start in range(0, len(jids), JIDS_PER_MESSAGE):
                    piece = cast("list[JobId]", jids[start : start + JIDS_PER_MESSAGE])
                    link.send(messages.WatchJobs(piece, results))

    def lose(self) -> None:
        """Tell everybody that the master is gone."""
        self._table.lose()

    def on_jobs_done(self, message: messages.JobsDone) -> bool:
        """Deliver results; True if some must be asked for again.

        They were watched without results first, and by now somebody wants those too.
        """
        again = self._table.done(message.jids, message.results)
        self._due[True].extend(again)
        return bool(again)

    def on_job_failed(self, message: messages.JobFailed) -> None:
        """Deliver a failure."""
        self._table.ended(message.jid, message)

    def on_jobs_unknown(self, message: messages.JobsUnknown) -> None:
        """Tell who waits for them that there are no such jobs."""
        for jid in message.jids:
            self._table.ended(jid, UNKNOWN)


class Question(Waiter):
    """A request to the master, made when its number is known; `answer` comes with the wake-up."""

    __slots__ = ("answer", "make")

    def __init__(self, make: Callable[[RequestId], object]) -> None:
        super().__init__()
        self.make = make
        self.answer: messages.Answer | None = None


class Questions:
    """The questions that the master has not answered yet."""

    def __init__(self) -> None:
        self._asked: dict[RequestId, Question] = {}
        self._last = 0

    def ask(self, question: Question, link: LinkSession) -> None:
        """Send a question under the next number."""
        self._last += 1
        number = RequestId(self._last)
        self._asked[number] = question
        link.send(question.make(number))

    def on_answer(self, message: messages.Answer) -> None:
        """Hand over an answer."""
        question = self._asked.pop(message.request, None)
        if question is not None:
            question.answer = message
            question.set()

    def lose(self) -> None:
        """Tell everybody that the master is gone."""
        asked, self._asked = self._asked, {}
        for question in asked.values():
            question.set(Wake.LOST)
