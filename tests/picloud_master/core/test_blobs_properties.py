"""Whatever is offered, read, lost and deleted in which order: every offer has one answer, and in
the end nothing is held.

The registry's invariants are checked after every turn; the store is a set of what it has.
"""

from collections import Counter
from typing import Any

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from picloud.protocol.blob_messages import BlobsKept, BlobsRefused, OfferBlobs, WithdrawBlobs
from picloud.protocol.client_messages import DeleteJobs, KillJobs, SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, RequestId, SpecNumber
from picloud_master.core.effects import DismissClient, DismissWorker, DropBlob, FetchFromPeer
from picloud_master.core.events import BlobFetched, Event, SessionClosed
from picloud_master.core.policy import Policy
from tests.support.blobs import SIZE, a_key, done_with_blobs, naming
from tests.support.builders import Master, TestClient, TestWorker, a_spec

KEYS = [a_key(name) for name in "abcde"]
OWNERS = ["ann", "bob"]
SOME = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3)
OWNER = st.sampled_from(OWNERS)
WHICH = st.integers(0, 100)

Peer = TestClient | TestWorker


class BlobMachine(RuleBasedStateMachine):
    """A master, its peers, and a store that answers when the test says so."""

    @initialize(unused=st.sampled_from([0, 2 * SIZE]), limit=st.sampled_from([3 * SIZE, 99 * SIZE]))
    def begin(self, unused: int, limit: int) -> None:
        self.master = Master(Policy(max_unused_blobs=unused, max_blob_bytes=limit))
        self.clients = [self.master.client(owner) for owner in OWNERS]
        self.workers = [self.master.worker(2)]
        self.reading: list[FetchFromPeer] = []
        self.stored: set[tuple[str, bytes]] = set()
        self.offered: dict[Peer, Counter[tuple[str, bytes]]] = {}
        self.withdrawn: dict[Peer, Counter[tuple[str, bytes]]] = {}
        self.specs = 0
        self.jids: dict[JobId, str] = {}

    # ------------------------------------------------------------------ the world

    def hears(self, *events: Event) -> None:
        """One turn, and what it asks of the store."""
        note(f"{events}")
        turn = self.master.hears(*events)
        for effect in turn.effects:
            match effect:
                case FetchFromPeer():
                    assert (effect.owner, effect.key) not in self.stored
                    self.reading.append(effect)
                case DropBlob(owner, key):
                    self.stored.remove((owner, key))
                case DismissClient() | DismissWorker():
                    raise AssertionError(f"nobody misbehaves here: {effect!r}")
        records = self.master.registry.blobs._records
        kept = {place for place, one in records.items() if one.source is None}
        assert kept == self.stored

    def answers(self, peer: Peer, kind: type[Any]) -> Counter[tuple[str, bytes]]:
        """How often a peer was told so of each blob."""
        owner = peer.owner if isinstance(peer, TestClient) else None
        return Counter((owner or one.owner, key) for one in peer.heard(kind) for key in one.keys)

    def held(self, peer: Peer, owner: str) -> list[bytes]:
        """What it may name now: offers that were kept and not withdrawn."""
        held = self.answers(peer, BlobsKept) - self.withdrawn.get(peer, Counter())
        return [key for named, key in held if named == owner]

    def offers(self, peer: Peer, owner: str, keys: list[bytes]) -> None:
        self.offered.setdefault(peer, Counter()).update((owner, key) for key in keys)
        named = owner if isinstance(peer, TestWorker) else ""
        self.hears(peer.event(OfferBlobs(keys, named)))

    def withdraws(self, peer: Peer, owner: str, which: int) -> None:
        held = self.held(peer, owner)
        if held:
            key = held[which % len(held)]
            self.withdrawn.setdefault(peer, Counter())[owner, key] += 1
            named = owner if isinstance(peer, TestWorker) else ""
            self.hears(peer.event(WithdrawBlobs([key], named)))

    # ------------------------------------------------------------------ what happens

    @rule(which=WHICH, keys=SOME)
    def client_offers(self, which: int, keys: list[bytes]) -> None:
        client = self.clients[which % len(self.clients)]
        self.offers(client, client.owner, keys)

    @rule(which=WHICH, owner=OWNER, keys=SOME)
    def worker_offers(self, which: int, owner: str, keys: list[bytes]) -> None:
        self.offers(self.workers[which % len(self.workers)], owner, keys)

    @rule(which=WHICH, key=WHICH)
    def client_withdraws(self, which: int, key: int) -> None:
        client = self.clients[which % len(self.clients)]
        self.withdraws(client, client.owner, key)

    @rule(which=WHICH, owner=OWNER, key=WHICH)
    def worker_withdraws(self, which: int, owner: str, key: int) -> None:
        self.withdraws(self.workers[which % len(self.workers)], owner, key)

    @precondition(lambda self: self.reading)
    @rule(which=WHICH, works=st.sampled_from([True, True, False]))
    def a_read_ends(self, which: int, works: bool) -> None:
        effect = self.reading.pop(which % len(self.reading))
        if works:
            self.stored.add((effect.owner, effect.key))
        self.hears(BlobFetched(effect.owner, effect.key, "" if works else "it was deleted"))

    @rule(which=WHICH, has_code=st.booleans(), count=st.integers(1, 3))
    def submits(self, which: int, has_code: bool, count: int) -> None:
        client = self.clients[which % len(self.clients)]
        held = self.held(client, client.owner)
        payload = naming(*held) if held else b"small"
        self.specs += 1
        number, first = SpecNumber(self.specs), JobId(client.block + 10 * self.specs)
        code = payload if has_code else b"code"
        payloads = [payload, b"small", payload][:count]
        self.jids.update((JobId(first + place), client.owner) for place in range(count))
        self.hears(
            client.event(
                DefineSpec(number, a_spec(), code),
                SubmitJobs(number, first, payloads, spilled=True),
                ForgetSpec(number),
            )
        )

    @rule(which=WHICH, late=st.booleans())
    def a_job_returns(self, which: int, late: bool) -> None:
        worker = self.workers[which % len(self.workers)]
        lease = self.master.registry.workers[worker.id].leases
        jids = [jid for jid in worker.jids() if (jid in lease) != late]
        if jids:
            jid = jids[which % len(jids)]
            held = self.held(worker, self.jids[jid])
            done = done_with_blobs(worker, jid, *held) if held else worker.done(jid)
            self.hears(worker.event(done))

    @precondition(lambda self: self.jids)
    @rule(which=WHICH, kills=st.booleans())
    def a_client_ends_a_job(self, which: int, kills: bool) -> None:
        jid = list(self.jids)[which % len(self.jids)]
        client = next(one for one in self.clients if one.owner == self.jids[jid])
        message = KillJobs if kills else DeleteJobs
        self.hears(client.event(message(RequestId(1), [jid])))

    @rule(which=WHICH)
    def a_client_leaves_and_another_comes(self, which: int) -> None:
        client = self.clients.pop(which % len(self.clients))
        self.hears(SessionClosed(client.id))
        self.clients.append(self.master.client(client.owner))

    @rule()
    def a_worker_is_lost_and_another_comes(self) -> None:
        self.hears(self.workers.pop(0).lost())
        self.workers.append(self.master.worker(2))

    # ------------------------------------------------------------------ the end

    def teardown(self) -> None:
        while self.reading:
            self.a_read_ends(0, True)
        for peer in (*self.clients, *self.workers):
            answered = self.answers(peer, BlobsKept) + self.answers(peer, BlobsRefused)
            assert answered == self.offered.get(peer, Counter())
        for worker in self.workers:
            self.hears(worker.lost())
        for client in self.clients:
            mine = [jid for jid in self.master.registry.jobs if self.jids[jid] == client.owner]
            kill, delete = KillJobs(RequestId(1), mine), DeleteJobs(RequestId(2), mine)
            self.hears(client.event(kill, delete))
        for client in self.clients:
            self.hears(SessionClosed(client.id))
        blobs = self.master.registry.blobs
        assert self.master.registry.jobs == {}
        assert not any(record.holds for record in blobs._records.values())
        payloads = blobs.of_arguments, blobs.of_results, blobs.of_code
        peers = blobs._offers, blobs._sources, blobs.questions, blobs.unserved
        assert not any((*payloads, *peers))


TestBlobs = BlobMachine.TestCase
TestBlobs.settings = settings(stateful_step_count=40, deadline=None)
