"""Blobs for tests of the master: keys, payloads that name them, and what peers say of them."""

import hashlib
from typing import Any

from picloud.protocol.blob_messages import OfferBlobs
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.payloads import key_of, spilled
from picloud.protocol.worker_messages import AttemptsDone
from picloud_master.core.effects import FetchFromPeer
from picloud_master.core.events import BlobFetched
from tests.support.builders import Master, TestClient, TestWorker, a_spec

SIZE = 1 << 20


def a_key(name: str, size: int = SIZE) -> bytes:
    """The key of a blob that no store has."""
    return key_of(hashlib.md5(name.encode()).digest(), size)


def naming(*keys: bytes) -> bytes:
    """A payload that names blobs."""
    return spilled(b"the rest", keys)


def fetches(master: Master) -> list[FetchFromPeer]:
    """What the last turn wants to be read."""
    return [one for one in master.turn.effects if isinstance(one, FetchFromPeer)]


def have_read(master: Master, owner: str, *keys: bytes, text: str = "") -> None:
    """The store has read these, or could not."""
    master.hears(*(BlobFetched(owner, key, text) for key in keys))


def keep(master: Master, client: TestClient, *keys: bytes) -> None:
    """A client offers blobs, and they are read from it."""
    client.says(OfferBlobs(list(keys)))
    have_read(master, client.owner, *(each.key for each in fetches(master)))


def with_blobs(client: TestClient, number: int, *payloads: bytes, code: bytes = b"code") -> Any:
    """What a client says to have jobs of a new spec run; their ids go from its block on."""
    define = DefineSpec(SpecNumber(number), a_spec(), code)
    first = JobId(client.block + 100 * number)
    submit = SubmitJobs(SpecNumber(number), first, list(payloads), watched=True, spilled=True)
    return define, submit


def done_with_blobs(worker: TestWorker, jid: JobId, *keys: bytes) -> AttemptsDone:
    """A report that an attempt returned a value that names blobs."""
    return AttemptsDone([jid], [worker.fence(jid)], [naming(*keys)], [0.5], None, True)
