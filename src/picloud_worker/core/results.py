"""Results that name blobs: reported once the master keeps these.

An attempt that returned one has no interpreter any more. Until the master has answered, it is
`Storing`.
"""

from collections import deque

from picloud.protocol.blob_messages import BlobsKept, BlobsRefused, OfferBlobs
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.payloads import blobs_of
from picloud_worker.core import following
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import FINISHED, RESULT_SPILLED
from picloud_worker.core.blobs import Result, ResultOffer
from picloud_worker.core.crew import Crew
from picloud_worker.core.effects import PinBlobs, SendToMaster, UnpinBlobs
from picloud_worker.core.errors import UnfitOrderError


def store(crew: Crew, attempt: Attempt, result: Result) -> None:
    """An attempt is about to end with a result that names blobs: have the master keep them."""
    try:
        keys = list(dict.fromkeys(blobs_of(result.payload)))
    except RemoteProtocolError as error:
        _fail(crew, attempt, result, str(error))  # its interpreter runs a stranger's code
        return
    crew.tell_attempt(attempt, RESULT_SPILLED)
    owner = attempt.spec.key.owner
    if not crew.shares_store:
        crew.blobs.made(attempt, [(owner, key) for key in keys])
    offer = ResultOffer(attempt, result, keys)
    for key in keys:
        crew.offers.setdefault((owner, key), deque()).append(offer)
    crew.effects += (PinBlobs(owner, keys), SendToMaster(OfferBlobs(keys, owner)))


def kept(crew: Crew, message: BlobsKept) -> None:
    """The master has them."""
    for key in message.keys:
        _answered(crew, message.owner, key, "")


def refused(crew: Crew, message: BlobsRefused) -> None:
    """The master does not take them."""
    for key in message.keys:
        _answered(crew, message.owner, key, message.text)


def _answered(crew: Crew, owner: str, key: bytes, refusal: str) -> None:
    waiting = crew.offers.get((owner, key))
    if not waiting:
        raise UnfitOrderError("the answer to an offer of blobs that was not made")
    offer = waiting.popleft()
    if not waiting:
        del crew.offers[owner, key]
    offer.unanswered.discard(key)
    if refusal:
        offer.refusal = refusal
    else:
        offer.kept.append(key)
    if not offer.unanswered:
        _end(crew, owner, offer)


def _end(crew: Crew, owner: str, offer: ResultOffer) -> None:
    attempt, result = offer.attempt, offer.result
    crew.effects.append(UnpinBlobs(owner, offer.keys))
    if offer.refusal:
        crew.reports.withdrawn(attempt, offer.kept)
        _fail(crew, attempt, result, offer.refusal)
        return
    crew.reports.stored(attempt, result, offer.kept)
    if crew.followers:
        following.lead(crew, attempt, result.payload)
    crew.tell_attempt(attempt, FINISHED)


def _fail(crew: Crew, attempt: Attempt, result: Result, text: str) -> None:
    failure = Failure(FailureKind.SERIALIZATION, f"the result cannot be stored: {text}")
    crew.reports.failed(attempt, failure, result.runtime, result.usage)
    crew.tell_attempt(attempt, FINISHED)
