"""Attempts that follow others on this worker: they run once those have returned.

What their leaders returned is handed on here, ahead of the master, which hears of it at the same
time. A follower whose leader does not return goes back to the master, which knows what follows.
"""

from picloud.protocol import limits
from picloud.protocol.client_messages import JobsDone
from picloud.protocol.ids import JobId
from picloud.protocol.wire import WIRE
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import HELD_UP, MADE_READY, TAKEN_BACK
from picloud_worker.core.attempt.states import Stopping, Storing, Unready
from picloud_worker.core.crew import Crew


def without_followers(
    crew: Crew, attempts: list[Attempt], leaders: list[list[JobId]]
) -> list[Attempt]:
    """Let those of these attempts that have leaders follow them; the others are returned."""
    ready: list[Attempt] = []
    for attempt, jids in zip(attempts, leaders, strict=True):
        if not jids:
            ready.append(attempt)
            continue
        crew.tell_attempt(attempt, HELD_UP)
        attempt.leaders = set(jids)
        if attempt.leaders <= crew.attempts.keys():
            for jid in attempt.leaders:
                crew.followers.setdefault(jid, []).append(attempt)
        else:
            crew.orphans.append(attempt)  # a leader has ended, which crosses this order
    return ready


def lead(crew: Crew, leader: Attempt, result: bytes) -> None:
    """An attempt is about to end with a result: tell those that follow it."""
    state = leader.state
    if type(state) is Stopping or (type(state) is Storing and state.is_stopped):
        return  # the master has let go of it already, so its result is none
    for attempt in crew.followers.pop(leader.jid, ()):
        if type(attempt.state) is not Unready:
            continue  # it was stopped, or has lost another leader
        attempt.heard.append((leader.jid, result))
        if len(attempt.heard) == len(attempt.leaders):
            _add_inputs(attempt)
            attempt.leaders = ()
            if crew.lacks_nothing(attempt):
                crew.tell_attempt(attempt, MADE_READY)


def return_orphans(crew: Crew) -> None:
    """Give the master what has lost a leader, and what follows that, and so on."""
    for attempt in crew.orphans:  # it grows while it is walked
        if type(attempt.state) is Unready:
            crew.tell_attempt(attempt, TAKEN_BACK)
    crew.orphans.clear()


def _add_inputs(attempt: Attempt) -> None:
    """What is too large it asks the master for."""
    size = len(attempt.inputs) + sum(len(result) for _, result in attempt.heard)
    if size <= limits.INPUT:
        told = JobsDone([jid for jid, _ in attempt.heard], [result for _, result in attempt.heard])
        before = WIRE.decode(attempt.inputs) if attempt.inputs else []
        attempt.inputs = WIRE.encode([*before, told])
    attempt.heard.clear()
