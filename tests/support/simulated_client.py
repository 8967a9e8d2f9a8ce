"""A program that uses a simulated cloud, as the master sees it."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from picloud.protocol.capabilities import capability_of
from picloud.protocol.client_messages import (
    Accepted,
    JidsReserved,
    KillJobs,
    SubmitJobs,
    WatchJobs,
)
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, RequestId, SessionId, SpecNumber
from picloud.protocol.jobs import JobSpec
from picloud.protocol.tree_messages import OfferTree, PutFiles
from picloud.protocol.trees import EMPTY, TreeFile, digest_of, tree_of
from picloud.protocol.wire import WIRE
from picloud_master.core.events import ClientSaid
from tests.support.programs import Handle, ranges_of

if TYPE_CHECKING:
    from tests.support.fleet import Fleet


def _file(path: str, content: bytes) -> TreeFile:
    return TreeFile(path, digest_of(content), content)


TREES = [
    tree_of([_file("one.py", b"import both"), _file("both.py", b"x = 1")]),
    EMPTY,
    tree_of([_file("two.py", b"import both"), _file("both.py", b"x = 1")]),
]


class Work(Protocol):
    """What a job does: a `Behaviour` or a `Program`."""

    def payload(self) -> bytes:
        """As the job's argument."""


class SimulatedClient:
    """A program: it defines specs, submits jobs, and watches all that it submits."""

    def __init__(self, fleet: "Fleet", session: SessionId, owner: str):
        self.session = session
        self.owner = owner
        self.heard: list[Any] = []
        self.watched: Counter[JobId] = Counter()
        self.told: Counter[JobId] = Counter()
        self._fleet = fleet
        self.jids: list[JobId] = []
        self._specs: list[JobSpec] = []
        self._next_jid = 0
        self._secret = b""
        self._kills: dict[RequestId, list[JobId]] = {}
        self.requests = 0

    @property
    def has_ids(self) -> bool:
        """True once the master has greeted it."""
        return self._next_jid > 0

    def say(self, *messages: object) -> None:
        """Speak to the master."""
        frame = WIRE.decode(WIRE.encode(messages))
        self._fleet.post(ClientSaid(self.session, frame))

    def hear(self, message: Any) -> None:
        """Remember what the master says."""
        self.heard.append(message)
        match message:
            case JidsReserved(first, _, secret):
                self._next_jid, self._secret = first, secret
            case Accepted(request):
                self._fleet.observer.killed(self._kills.pop(request, []))
        for jid in self._fleet.observer.client_heard(message):
            self.told[jid] += 1
            assert self.told[jid] <= self.watched[jid], (
                f"client {self.session} heard of {jid} twice"
            )

    def submit(
        self,
        spec: JobSpec,
        works: Iterable[Work],
        depends_on: Iterable[JobId] = (),
        ignore_errors: bool = False,
    ) -> list[JobId]:
        """Submit one job for each behaviour or program, and watch them."""
        if spec not in self._specs:
            self._specs.append(spec)
            self._define(SpecNumber(len(self._specs)), spec)
        number = SpecNumber(self._specs.index(spec) + 1)
        payloads = [work.payload() for work in works]
        first = JobId(self._next_jid)
        self._next_jid += len(payloads)
        jids = [JobId(first + place) for place in range(len(payloads))]
        self.jids += jids
        after = ranges_of([Handle(jid, b"") for jid in depends_on]) or None
        self.say(SubmitJobs(number, first, payloads, False, after, ignore_errors))
        self.watch(jids)
        return jids

    def _define(self, number: SpecNumber, spec: JobSpec) -> None:
        """Every other function has modules, some of which are those of another one."""
        tree = TREES[number % len(TREES)]
        if tree.files:
            paths = [file.path for file in tree.files]
            self.say(OfferTree(tree.digest, paths, [file.digest for file in tree.files]))
            self.say(PutFiles([file.content for file in tree.files]))
        self.say(DefineSpec(number, spec, b"code", tree=tree.digest))

    def handle(self, jid: JobId) -> Handle:
        """The handle of a job that was submitted here."""
        return Handle(jid, capability_of(self._secret, jid, jid + 1))

    def watch(self, jids: list[JobId]) -> None:
        """Ask for the outcomes of jobs."""
        self.watched.update(jids)
        self.say(WatchJobs(jids, True))

    def kill(self, jids: list[JobId]) -> None:
        """Ask for the end of jobs."""
        request = self.request()
        self._kills[request] = jids
        self.say(KillJobs(request, jids))

    def request(self) -> RequestId:
        """A fresh number of a question."""
        self.requests += 1
        return RequestId(self.requests)
