"""What a client asks its master and hears from it: outcomes of watched jobs, and answers."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, cast

from picloud.outcomes import IN_CYCLE, UNKNOWN, Collector, Outcome, OutcomeTable
from picloud.protocol import client_messages as messages
from picloud.protocol.ids import JobId, RequestId
from picloud.submissions import Sender
from picloud.waiters import Waiter, Wake

JIDS_PER_MESSAGE = 10_000


class Watches:
    """Which jobs are watched for whom, and which must still be asked for.

    Outcomes of some jobs come unasked (`expect`): those that nobody waits for yet are kept, as
    far as there is room, for whoever comes later.

    `send_soon` is called when something is due that `send` should ask for.
    """

    def __init__(self, send_soon: Callable[[], None]) -> None:
        self._send_soon = send_soon
        self._table = OutcomeTable()
        self._due: dict[bool, list[int]] = {True: [], False: []}
        self._expected: set[int] = set()
        self._early = EarlyOutcomes()

    def expect(self, jids: range) -> None:
        """The outcomes of these jobs will come without being asked for."""
        self._expected.update(jids)

    def take_early(self, outcomes: Iterable[messages.JobsDone | messages.JobFailed]) -> None:
        """Keep outcomes that came before anybody could wait for them."""
        for message in outcomes:
            if isinstance(message, messages.JobsDone):
                for jid, result in zip(message.jids, message.results, strict=True):
                    self._early.put(jid, result)
            else:
                self._early.put(message.jid, message)

    def take_results(self, jids: Sequence[int]) -> list[bytes] | None:
        """Take out what these jobs returned, which came unasked; None unless all of it is here."""
        return self._early.pop_results(jids) if self._early else None

    @property
    def is_due(self) -> bool:
        """True when there is something that `send` should ask for."""
        return any(self._due.values())

    def add(self, collector: Collector) -> None:
        """Enter a collector."""
        jids = self._table.add(collector)
        if self._early:
            jids = [jid for jid in jids if not self._deliver_early(jid)]
        self._ask_for(jids, collector.wants_results)

    def remove(self, collector: Collector) -> None:
        """Forget a collector that waits no more."""
        self._table.remove(collector)

    def forget(self, jids: Iterable[int]) -> None:
        """These jobs were deleted: their outcomes must not be had from here."""
        for jid in jids:
            self._early.pop(jid)

    def send(self, link: Sender) -> None:
        """Ask for what is due and does not come by itself."""
        for results, due in self._due.items():
            if not due:
                continue
            self._due[results] = []
            expected = self._expected
            jids = [jid for jid in due if jid not in expected] if expected else due
            for start in range(0, len(jids), JIDS_PER_MESSAGE):
                piece = cast("list[JobId]", jids[start : start + JIDS_PER_MESSAGE])
                link.send(messages.WatchJobs(piece, results))

    def lose(self) -> None:
        """Tell everybody that the master is gone."""
        self._table.lose()
        self._expected.clear()

    def on_jobs_done(self, message: messages.JobsDone) -> None:
        """Deliver results. Some may have come without their bytes, which somebody wants by now."""
        again = self._table.done(message.jids, message.results, self._keep)
        if self._expected:
            self._expected.difference_update(message.jids)
        self._ask_for(again, results=True)

    def on_job_failed(self, message: messages.JobFailed) -> None:
        """Deliver a failure."""
        if not self._table.ended(message.jid, message):
            self._keep(message.jid, message)
        self._expected.discard(message.jid)

    def on_jobs_unknown(self, message: messages.JobsUnknown) -> None:
        """Tell who waits for them that there are no such jobs."""
        for jid in message.jids:
            self._table.ended(jid, UNKNOWN)

    def on_jobs_in_cycle(self, message: messages.JobsInCycle) -> None:
        """Tell who waits for them that it must not."""
        for jid in message.jids:
            self._table.ended(jid, IN_CYCLE)

    def _ask_for(self, jids: Sequence[int], results: bool) -> None:
        if jids:
            self._due[results].extend(jids)
            self._send_soon()

    def _keep(self, jid: int, outcome: Outcome) -> None:
        """Nobody waits for it: either nobody does yet, or nobody does any more."""
        if jid in self._expected:
            self._early.put(jid, outcome)

    def _deliver_early(self, jid: int) -> bool:
        """Hand over an outcome that came unasked; False if there is none, or not its bytes."""
        outcome = self._early.pop(jid)
        if outcome is None:
            return False
        if isinstance(outcome, bytes):
            self._table.done([jid], [outcome], self._keep)
        else:
            self._table.ended(jid, outcome)
        return True


class EarlyOutcomes:
    """Outcomes that came before anybody waited for them; the oldest make room for new ones.

    Whoever wants one that has gone asks the master, as for any other job. PiCloud's client kept as
    many bytes of results.
    """

    def __init__(self, items: int = 65_536, size: int = 4 << 20) -> None:
        self._items = items
        self._size = size
        self._kept: dict[int, Outcome] = {}
        self._used = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, jid: int, outcome: Outcome) -> None:
        """Keep an outcome. One that came without its bytes is not worth keeping."""
        if outcome is None:
            return
        self._kept[jid] = outcome
        self._used += _size_of(outcome)
        while len(self._kept) > self._items or self._used > self._size:
            self.pop(next(iter(self._kept)))

    def pop(self, jid: int) -> Outcome:
        """Take an outcome out; None if it is not here."""
        outcome = self._kept.pop(jid, None)
        if outcome is not None:
            self._used -= _size_of(outcome)
        return outcome

    def pop_results(self, jids: Sequence[int]) -> list[bytes] | None:
        """Take out results; None, and all stays, if one is not here or is none."""
        kept = self._kept
        results = [result for jid in jids if isinstance(result := kept.get(jid), bytes)]
        if len(results) < len(jids):
            return None
        for jid in jids:
            self.pop(jid)
        return results


def _size_of(outcome: Outcome) -> int:
    if isinstance(outcome, messages.JobFailed):
        return len(outcome.failure.traceback) + len(outcome.failure.exception)
    return len(outcome) if isinstance(outcome, bytes) else 0


class Question(Waiter):
    """A request to the master, made when its number is known; `answer` comes with the wake-up."""

    __slots__ = ("answer", "make")

    is_answer: ClassVar[bool] = True

    def __init__(self, make: Callable[[RequestId], object]) -> None:
        super().__init__()
        self.make = make
        self.answer: messages.Answer | None = None


class Questions:
    """The questions that the master has not answered yet."""

    def __init__(self) -> None:
        self._asked: dict[RequestId, Question] = {}
        self._last = 0

    def ask(self, question: Question, link: Sender) -> None:
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
