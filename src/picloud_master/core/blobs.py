"""The blobs of all owners: which of them are kept, who holds them, and how much they may take.

A blob is held by offers, by the arguments of unfinished jobs, by the results of jobs that exist
and by the functions of specs. Those that nothing holds are kept for the next one who offers them,
until they are too much together; the least recently used ones go first. A blob is known for each
owner apart: nobody learns what another one has.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from picloud.protocol import limits
from picloud.protocol.blob_messages import BlobsKept, BlobsRefused, ReadBlob
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.payloads import KEY_SIZE, blobs_of, size_of
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import DropBlob, Effect, FetchFromPeer, LosePeer
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.policy import Policy


class BlobRecord:
    """A blob of one owner.

    Attributes:
        size: what it counts for. Honest blobs are not smaller than `SPILL_FROM`; so nobody makes
            us remember a great many.
        holds: how many offers and payloads name it.
        source: whom it is being read from; None once it is kept.
        waiting: who has offered it, how often, and has no answer: the oldest first.
    """

    __slots__ = ("holds", "key", "owner", "size", "source", "waiting")

    def __init__(self, owner: str, key: bytes, source: BlobPeer) -> None:
        self.owner = owner
        self.key = key
        self.size = max(size_of(key), limits.SPILL_FROM)
        self.holds = 0
        self.source: BlobPeer | None = source
        self.waiting: Counter[BlobPeer] = Counter()


Place = tuple[str, bytes]
"""The owner of a blob, and its key."""


class KeptBlobs:
    """What the master keeps, reads, and has promised to keep.

    Args:
        say: tells a peer what became of its offers.
        add_effect: asks something of the world.

    Attributes:
        of_arguments, of_results, of_code: what the payloads of jobs and specs hold.
        questions: what each peer was asked for and has not answered, in order.
        unserved: how many pieces each peer has asked for, by owner, and was not given yet.
    """

    def __init__(
        self,
        policy: Policy,
        say: Callable[[BlobPeer, Any], None],  # Any: of blob_messages
        add_effect: Callable[[Effect], None],
    ) -> None:
        self._policy = policy
        self._say = say
        self._add_effect = add_effect
        self._records: dict[Place, BlobRecord] = {}
        self._unused: OrderedDict[Place, BlobRecord] = OrderedDict()
        self._unused_size = 0
        self._used: Counter[str] = Counter()
        self._offers: dict[BlobPeer, Counter[Place]] = {}
        self._sources: set[BlobPeer] = set()
        self.of_arguments: dict[JobId, list[Place]] = {}
        self.of_results: dict[JobId, list[Place]] = {}
        self.of_code: dict[SpecNumber, list[Place]] = {}
        self.questions: dict[BlobPeer, deque[ReadBlob]] = {}
        self.unserved: dict[BlobPeer, Counter[str]] = {}

    # ------------------------------------------------------------------ offers

    def offer(self, peer: BlobPeer, owner: str, keys: Iterable[bytes]) -> None:
        """A peer will name these; it is answered now, or when they have been read from it.

        Raises:
            Misbehaviour: there can be no such blobs, or it does not wait for answers.
        """
        kept: list[bytes] = []
        for key in keys:
            check_key(key)
            record = self._records.get((owner, key))
            if record is None:
                record = self._begin(peer, owner, key)
                if record is None:
                    continue
            self._hold(record)
            self._offers.setdefault(peer, Counter())[owner, key] += 1
            if record.source is None:
                kept.append(key)
            else:
                record.waiting[peer] += 1
                if record.waiting[peer] > limits.MAX_BLOBS:
                    raise Misbehaviour("a blob is offered again and again")
        if kept:
            self._say(peer, BlobsKept(kept, peer.named(owner)))

    def withdraw(self, peer: BlobPeer, owner: str, keys: Iterable[bytes]) -> None:
        """The end of offers that were kept.

        Raises:
            Misbehaviour: there is no such offer.
        """
        offers = self._offers.get(peer, Counter())
        for key in keys:
            record = self._records.get((owner, key))
            if record is None or record.source is not None or not offers[owner, key]:
                raise Misbehaviour("an offer of a blob is withdrawn that was not kept")
            self._end_offers(peer, record, 1)

    def fetched(self, owner: str, key: bytes, text: str) -> None:
        """It was read; or it was not, for the reason that the text gives.

        Then it is read from another one who has offered it, as long as there is one.
        """
        record = self._records[owner, key]
        source, waiting = record.source, record.waiting
        assert source is not None, "what is read is not kept yet"
        if text:
            refused = waiting.pop(source, 0)
            if refused:
                self._end_offers(source, record, refused)
                self._refuse(source, owner, [key] * refused, text)
            if waiting:
                self._fetch(record, next(iter(waiting)))
            else:
                assert not record.holds, "only offers hold what is not kept yet"
                self._drop(record)
            return
        record.source, record.waiting = None, Counter()
        for peer, count in waiting.items():
            self._say(peer, BlobsKept([key] * count, peer.named(owner)))
        if not record.holds:
            self._set_aside(record)

    def forget(self, peer: BlobPeer) -> None:
        """A session or a worker is gone, and its offers with it."""
        self.questions.pop(peer, None)
        self.unserved.pop(peer, None)
        for place, count in self._offers.pop(peer, Counter[Place]()).items():
            record = self._records[place]
            record.waiting.pop(peer, None)
            self._release(record, count)
        if peer in self._sources:
            self._sources.remove(peer)
            self._add_effect(LosePeer(peer))

    # ------------------------------------------------------------------ payloads

    def named_by(self, owner: str, payload: bytes) -> list[Place]:
        """The blobs that a payload names, each once.

        Raises:
            Misbehaviour: it is malformed, or one of them is not kept.
        """
        try:
            keys = blobs_of(payload)
        except RemoteProtocolError as error:
            raise Misbehaviour(str(error)) from error
        places = [(owner, key) for key in dict.fromkeys(keys)]
        for place in places:
            record = self._records.get(place)
            if record is None or record.source is not None:
                raise Misbehaviour("a payload names a blob that was not offered, or is not kept")
        return places

    def hold(self, places: Sequence[Place]) -> None:
        """A payload holds these from now on."""
        for place in places:
            self._hold(self._records[place])

    def release(self, places: Sequence[Place]) -> None:
        """A payload that held these is gone."""
        for place in places:
            self._release(self._records[place], 1)

    def can_be_read(self, place: Place) -> bool:
        """It is kept; if nothing holds it, it is used again now."""
        record = self._records.get(place)
        if record is None or record.source is not None:
            return False
        if place in self._unused:
            self._unused.move_to_end(place)
        return True

    # ------------------------------------------------------------------ records

    def _begin(self, peer: BlobPeer, owner: str, key: bytes) -> BlobRecord | None:
        record = BlobRecord(owner, key, peer)
        limit = self._policy.max_blob_bytes
        if self._used[owner] + record.size > limit:
            self._make_room(owner, record.size)
        used = self._used[owner]
        if used + record.size > limit:
            text = (
                f"the large data of {owner!r} takes {_amount(used)} of {_amount(limit)} that it "
                f"may take, and {_amount(record.size)} more are too much: "
                "delete jobs whose results you have read"
            )
            self._refuse(peer, owner, [key], text)
            return None
        self._records[owner, key] = record
        self._used[owner] += record.size
        self._fetch(record, peer)
        return record

    def _make_room(self, owner: str, size: int) -> None:
        """Drop blobs of an owner that nothing holds, the least recently used ones first."""
        for record in [each for each in self._unused.values() if each.owner == owner]:
            if self._used[owner] + size <= self._policy.max_blob_bytes:
                return
            self._remove(record)

    def _fetch(self, record: BlobRecord, source: BlobPeer) -> None:
        record.source = source
        self._sources.add(source)
        self._add_effect(FetchFromPeer(source, record.owner, record.key))

    def _refuse(self, peer: BlobPeer, owner: str, keys: list[bytes], text: str) -> None:
        self._say(peer, BlobsRefused(keys, text, peer.named(owner)))

    def _hold(self, record: BlobRecord) -> None:
        if not record.holds and record.source is None:
            del self._unused[record.owner, record.key]
            self._unused_size -= record.size
        record.holds += 1

    def _end_offers(self, peer: BlobPeer, record: BlobRecord, count: int) -> None:
        place = record.owner, record.key
        offers = self._offers[peer]
        offers[place] -= count
        if not offers[place]:
            del offers[place]
            if not offers:
                del self._offers[peer]
        self._release(record, count)

    def _release(self, record: BlobRecord, count: int) -> None:
        record.holds -= count
        if not record.holds and record.source is None:
            self._set_aside(record)

    def _set_aside(self, record: BlobRecord) -> None:
        self._unused[record.owner, record.key] = record
        self._unused_size += record.size
        while self._unused_size > self._policy.max_unused_blobs:
            self._remove(next(iter(self._unused.values())))

    def _remove(self, record: BlobRecord) -> None:
        del self._unused[record.owner, record.key]
        self._unused_size -= record.size
        self._drop(record)
        self._add_effect(DropBlob(record.owner, record.key))

    def _drop(self, record: BlobRecord) -> None:
        del self._records[record.owner, record.key]
        self._used[record.owner] -= record.size
        if not self._used[record.owner]:
            del self._used[record.owner]


def check_key(key: bytes) -> None:
    """Go on if it can be one.

    Raises:
        Misbehaviour: it cannot.
    """
    if len(key) != KEY_SIZE or not size_of(key):
        raise Misbehaviour("a key of a blob that is none")


def _amount(size: float) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.1f} MiB"
