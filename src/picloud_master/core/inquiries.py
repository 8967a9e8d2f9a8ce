"""Questions about jobs whose answer needs their workers: what a running attempt has written."""

from picloud.protocol.ids import JobId, RequestId, SessionId
from picloud.statemachine import value


@value
class Inquiry:
    """A client's question, and the jobs at workers whose output has not arrived yet."""

    session: SessionId
    request: RequestId
    jids: list[JobId]
    awaited: set[JobId]


class Inquiries:
    """Open questions. One is ready once no job that it waits for runs unheard.

    Attributes:
        open: all of them; there are few, and nearly always none.
    """

    def __init__(self) -> None:
        self.open: list[Inquiry] = []

    def add(self, inquiry: Inquiry) -> None:
        """Remember a question until its answer is complete."""
        self.open.append(inquiry)

    def heard_of(self, jid: JobId) -> None:
        """This job's output has arrived, or its lease is over."""
        for inquiry in self.open:
            inquiry.awaited.discard(jid)

    def take_ready(self) -> list[Inquiry]:
        """Take the questions that wait for nothing."""
        if not self.open:
            return []
        ready = [inquiry for inquiry in self.open if not inquiry.awaited]
        self.open = [inquiry for inquiry in self.open if inquiry.awaited]
        return ready

    def forget_session(self, session: SessionId) -> None:
        """Its client is gone."""
        self.open = [inquiry for inquiry in self.open if inquiry.session != session]
