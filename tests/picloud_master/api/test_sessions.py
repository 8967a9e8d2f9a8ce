"""A master and its peers over channels in memory, on virtual time."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picloud.aio.memory import LossyChannel, MemoryChannel
from picloud.protocol import client_messages as client
from picloud.protocol import limits
from picloud.protocol import worker_messages as worker
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import CORE_TYPES, JobSpec, SlotPool
from picloud.protocol.link_messages import Close, CloseReason, Drain, Hello, PeerRole
from picloud.protocol.wire import TAGS, WIRE
from picloud_master.app import Master
from picloud_master.store.memory import MemoryStore
from tests.support.clock import on_virtual_time
from tests.support.matching import like
from tests.support.strategies import messages


class Hub:
    """A master in memory, and raw peers of it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.failures: list[BaseException] = []
        self.master = Master(MemoryStore(), self.failures.append)

    def join(self, role: PeerRole) -> "Raw":
        ours, theirs = LossyChannel.pair(self.loop)
        if role is PeerRole.CLIENT:
            self.master.accept_client(theirs, "main")
        else:
            self.master.accept_worker(theirs)
        return Raw(ours, role)


class Raw:
    """One end without a link; everything that it hears is kept."""

    def __init__(self, channel: MemoryChannel, role: PeerRole) -> None:
        self.channel = channel
        self.heard: list[Any] = []
        self.is_lost = False
        channel.start(lambda frame: self.heard.extend(WIRE.decode(frame)), self._on_lost)
        self.say(Hello(1, 1, role, "raw"))

    def say(self, *said: object) -> None:
        self.channel.send(WIRE.encode(said))

    def goodbyes(self) -> list[Close]:
        return [message for message in self.heard if isinstance(message, Close)]

    def _on_lost(self, _text: str) -> None:
        self.is_lost = True


async def settle() -> None:
    """Let everything happen that is due."""
    await asyncio.sleep(0.001)


@on_virtual_time
async def test_a_peer_that_never_greets_is_left_after_a_while() -> None:
    hub = Hub()
    ours, theirs = LossyChannel.pair(hub.loop)
    peer = hub.master.accept_client(theirs, "main")
    lost: list[str] = []
    ours.start(lambda _frame: None, lost.append)
    await asyncio.sleep(limits.SILENCE_LIMIT + 1)
    assert len(lost) == 1
    assert peer not in hub.master._peers


@on_virtual_time
async def test_a_silent_client_is_left_after_a_while() -> None:
    hub = Hub()
    raw = hub.join(PeerRole.CLIENT)
    await asyncio.sleep(limits.SILENCE_LIMIT + 1)
    assert raw.goodbyes() == [like(Close, reason=CloseReason.SILENCE)]
    assert hub.master._performer.clients == {}


@on_virtual_time
async def test_the_jobs_of_a_silent_worker_run_elsewhere() -> None:
    hub = Hub()
    silent = hub.join(PeerRole.WORKER)
    silent.say(worker.RegisterWorker("w", "3.11", [SlotPool(list(CORE_TYPES), 1)]))
    user = hub.join(PeerRole.CLIENT)
    await settle()
    first = next(each.first for each in user.heard if isinstance(each, client.JidsReserved))
    user.say(DefineSpec(1, JobSpec("f", "3.11"), b""), client.SubmitJobs(1, first, [b"x"]))
    await settle()
    assert [each.jids for each in silent.heard if isinstance(each, worker.RunJobs)] == [[first]]
    await asyncio.sleep(limits.SILENCE_LIMIT + 1)
    other = hub.join(PeerRole.WORKER)
    other.say(worker.RegisterWorker("v", "3.11", [SlotPool(list(CORE_TYPES), 1)]))
    await settle()
    assert [each.jids for each in other.heard if isinstance(each, worker.RunJobs)] == [[first]]


@on_virtual_time
async def test_a_client_that_drains_is_said_goodbye() -> None:
    hub = Hub()
    raw = hub.join(PeerRole.CLIENT)
    raw.say(client.KillAllJobs(3), Drain())
    await settle()
    assert client.Accepted(3) in raw.heard
    assert raw.goodbyes() == [like(Close, reason=CloseReason.FINISHED)]


@on_virtual_time
async def test_a_master_that_fails_tells_its_peers_and_its_owner_once() -> None:
    hub = Hub()
    raws = [hub.join(PeerRole.CLIENT), hub.join(PeerRole.CLIENT)]
    await settle()
    hub.master._driver.post("no event")  # type: ignore[arg-type]  # a bug somewhere
    await settle()
    for raw in raws:
        (goodbye,) = raw.goodbyes()
        assert "the master failed: KeyError" in goodbye.text
        raw.say(client.KillAllJobs(1))
    await asyncio.sleep(limits.CLOSE_LIMIT + 1)
    assert [type(error) for error in hub.failures] == [KeyError]


# ------------------------------------------------------------------ any valid message

SMALL = st.integers(0, 6)
IDS = st.lists(SMALL, max_size=5)
FAILURES = st.builds(Failure, st.sampled_from(FailureKind), st.text(max_size=3))
SPECS = st.builds(
    JobSpec,
    st.just("f"),
    st.just("3.11"),
    core_type=st.sampled_from([*CORE_TYPES, "z9"]),
    cores=st.integers(0, 3),
    priority=SMALL,
    restartable=st.booleans(),
)
ANY_MESSAGE = st.one_of([messages(cls) for cls in TAGS.values() if cls is not Close])

CLIENT_MESSAGES = st.one_of(
    st.builds(DefineSpec, st.integers(1, 2), SPECS, st.binary(max_size=2)),
    st.builds(ForgetSpec, st.integers(1, 2)),
    st.builds(client.SubmitJobs, st.integers(1, 2), st.integers(1, 4), st.just([b"a", b"b"])),
    st.builds(client.SubmitJobs, st.integers(1, 2), st.integers(1, 6), st.just([b"a"])),
    st.just(client.ReserveJids()),
    st.builds(client.WatchJobs, IDS, st.booleans()),
    st.builds(client.KillJobs, SMALL, IDS),
    st.builds(client.KillAllJobs, SMALL),
    st.builds(client.DeleteJobs, SMALL, IDS),
    st.builds(client.AskStatus, SMALL, IDS),
    st.builds(client.AskInfo, SMALL, IDS),
    st.builds(client.AskWhy, SMALL, SMALL),
)
POOLS = st.lists(
    st.builds(SlotPool, st.lists(st.sampled_from([*CORE_TYPES, "z9"]), max_size=3), SMALL),
    max_size=3,
)


def columns(cls: type, *items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Messages of one class whose columns have the same length."""
    rows = st.lists(st.tuples(*items), max_size=4)
    return rows.map(lambda found: cls(*map(list, zip(*found, strict=True))) if found else None)


WORKER_MESSAGES = st.one_of(
    st.builds(worker.RegisterWorker, st.just("w"), st.just("3.11"), POOLS),
    st.builds(worker.SetWindow, SMALL),
    columns(worker.AttemptsStarted, SMALL, SMALL),
    columns(worker.AttemptsDone, SMALL, SMALL, st.just(b"r"), st.floats(0, 1)),
    st.builds(worker.AttemptFailed, SMALL, SMALL, FAILURES, st.floats(-1, 1)),
    columns(worker.AttemptsReturned, SMALL, SMALL),
    st.builds(worker.OutputRead, SMALL, SMALL, st.just("o"), st.just(""), st.just("")),
).filter(lambda message: message is not None)

REGISTRATION = worker.RegisterWorker("w", "3.11", [SlotPool(list(CORE_TYPES), 2)])
DEFINITION = DefineSpec(1, JobSpec("f", "3.11"), b"")


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("client"), st.lists(CLIENT_MESSAGES, max_size=3)),
            st.tuples(st.just("worker"), st.lists(WORKER_MESSAGES, max_size=3)),
            st.tuples(st.sampled_from(["client", "worker"]), st.lists(ANY_MESSAGE, max_size=1)),
            st.tuples(st.just("settle"), st.just([])),
            st.tuples(st.just("leave"), st.just([])),
        ),
        max_size=20,
    )
)
@on_virtual_time
async def test_no_valid_message_at_any_time_harms_the_master_or_another_client(
    said: list[tuple[str, list[Any]]],
) -> None:
    hub = Hub()
    rude = {"client": hub.join(PeerRole.CLIENT), "worker": hub.join(PeerRole.WORKER)}
    rude["client"].say(DEFINITION, client.SubmitJobs(1, 1, [b"x"]))
    rude["worker"].say(REGISTRATION)
    other = hub.join(PeerRole.CLIENT)
    for who, several in said:
        if who == "leave":
            rude["worker"].channel.close()
            rude["worker"] = hub.join(PeerRole.WORKER)
        elif who == "settle":
            await settle()
        elif several:
            rude[who].say(*several)
    await settle()
    other.say(client.KillAllJobs(77))
    await settle()
    assert hub.failures == []
    assert client.Accepted(77) in other.heard
    assert other.goodbyes() == []
