"""Attempts whose arguments, or whose function, name blobs: they run once these are here.

Where the master keeps its blobs in the store of this worker they are here as soon as they are
named.
"""

from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.payloads import blobs_of
from picloud_worker.core.attempt import states
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import HELD_UP, MADE_READY, BlobLost
from picloud_worker.core.attempt.states import Unready
from picloud_worker.core.crew import Crew
from picloud_worker.core.events import BlobArrived, BlobMissed, BlobsFound


def need(crew: Crew, attempts: list[Attempt]) -> None:
    """Fetch what these new attempts lack, and hold them up until it is here."""
    if crew.shares_store:
        return
    for attempt in attempts:
        try:
            keys = blobs_of(attempt.payload)
        except RemoteProtocolError as error:  # of a client that did not say that it is spilled
            _hold_up(crew, attempt)
            _fail(crew, attempt, "an argument", str(error))
            continue
        owner = attempt.spec.key.owner
        crew.blobs.need(attempt, [(owner, key) for key in dict.fromkeys(attempt.spec.blobs + keys)])
        if attempt in crew.blobs.missing:
            _hold_up(crew, attempt)


def _hold_up(crew: Crew, attempt: Attempt) -> None:
    if type(attempt.state) is states.Waiting:  # it does not follow others
        crew.tell_attempt(attempt, HELD_UP)


def arrived(crew: Crew, event: BlobArrived) -> None:
    """Let those run that lack nothing any more."""
    for attempt in crew.blobs.arrived((event.owner, event.key)):
        if type(attempt.state) is Unready and crew.lacks_nothing(attempt):
            crew.tell_attempt(attempt, MADE_READY)


def found(crew: Crew, event: BlobsFound) -> None:
    """Count them with the others, so that they go when they take too much room."""
    crew.blobs.found((event.owner, key) for key in event.keys)


def missed(crew: Crew, event: BlobMissed) -> None:
    """Those that need it can never run; but what was made here meanwhile is here."""
    name = event.owner, event.key
    if crew.blobs.is_here(name):
        arrived(crew, BlobArrived(*name))
        return
    for attempt in crew.blobs.missed(name):
        what = "the function" if event.key in attempt.spec.blobs else "an argument"
        _fail(crew, attempt, what, event.text)


def _fail(crew: Crew, attempt: Attempt, what: str, text: str) -> None:
    failure = Failure(FailureKind.SERIALIZATION, f"{what} of the job cannot be had: {text}")
    crew.tell_attempt(attempt, BlobLost(failure))
