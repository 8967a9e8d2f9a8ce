"""A served master among honest and hostile peers."""

import asyncio
from typing import Any

import aiohttp
import pytest

from picloud.protocol import client_messages as client
from picloud.protocol import limits
from picloud.protocol import worker_messages as worker
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import JobSpec
from picloud.protocol.link_messages import Close, CloseReason, Drain, Heartbeat, Hello, PeerRole
from picloud.protocol.wire import WIRE
from tests.picloud_master.api.peers import DEFINITION, REGISTRATION, TOKEN, Served
from tests.support.matching import like

# ------------------------------------------------------------------ who may come in


@pytest.mark.parametrize("path", ["/client", "/worker", "/health", "/elsewhere"])
@pytest.mark.parametrize(
    "authorization",
    ["", TOKEN, "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x",
     f"Bearer {TOKEN}:", "Bearer \u00e9", f"Bearer {TOKEN} {TOKEN}"],
)  # fmt: skip
async def test_without_the_token_nobody_comes_in(
    served: Served, path: str, authorization: str
) -> None:
    assert await served.status(path, Authorization=authorization) == 401


async def test_a_token_that_is_no_text_is_wrong(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()
    await writer.wait_closed()


async def test_a_websocket_needs_the_token_too(served: Served) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await served.connect(authorization="Bearer wrong")
    assert raised.value.status == 401


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", f"Bearer ann:{TOKEN}"])
async def test_with_the_token_a_client_is_greeted(served: Served, authorization: str) -> None:
    peer = await (await served.connect(authorization=authorization)).greet()
    assert await peer.hear(client.JidsReserved) == like(client.JidsReserved)


async def test_the_page_says_that_it_is_up(served: Served) -> None:
    assert await served.status("/health", Authorization=f"Bearer {TOKEN}") == 200


@pytest.mark.parametrize("path", ["/client", "/worker"])
async def test_a_page_request_gets_no_websocket(served: Served, path: str) -> None:
    assert await served.status(path, Authorization=f"Bearer {TOKEN}") == 400


# ------------------------------------------------------------------ who is sent away


SPEC = JobSpec("f", "3.11")
SUBMISSION = client.SubmitJobs(1, 1, [b"x"])

RUDE_CLIENTS: dict[str, tuple[list[Any], str]] = {
    "a report": ([worker.AttemptsDone([1], [1], [b""], [0.1])], "does not send AttemptsDone"),
    "a registration": ([REGISTRATION], "does not send RegisterWorker"),
    "an answer": ([client.Accepted(1)], "does not send Accepted"),
    "a reservation": ([client.JidsReserved(1, 5)], "does not send JidsReserved"),
    "an undefined spec": ([client.SubmitJobs(9, 1, [b"x"])], "spec 9 is not defined"),
    "ids of nobody": (
        [DEFINITION, client.SubmitJobs(1, 1 << 50, [b"x"])],
        "not reserved for this session",
    ),
    "ids of nobody at the end": (
        [DEFINITION, client.SubmitJobs(1, limits.MAX_INT, [b"x", b"y"])],
        "not reserved for this session",
    ),
    "no jobs": ([DEFINITION, client.SubmitJobs(1, 1, [])], "without jobs"),
    "a spec twice": ([DEFINITION, DEFINITION], "defined already"),
    "a forgotten spec": ([ForgetSpec(3)], "spec 3 is not defined"),
    "a core type of its own": ([DefineSpec(1, JobSpec("f", "3", "z9"), b"")], "'z9'"),
    "no cores": ([DefineSpec(1, JobSpec("f", "3", cores=0), b"")], "0 cores"),
    "a second greeting": ([Hello(1, 1, PeerRole.CLIENT, "again")], "a second greeting"),
    "more after its drain": ([Drain(), client.ReserveJids()], "after the drain"),
}


@pytest.mark.parametrize("what", RUDE_CLIENTS)
async def test_a_client_that_breaks_the_rules_is_dismissed_alone(served: Served, what: str) -> None:
    messages, text = RUDE_CLIENTS[what]
    other, _ = await served.client()
    rude, _ = await served.client()
    await rude.say(*messages)
    assert text in (await rude.dismissal()).text
    assert await served.is_well_for(other)


async def test_ids_in_use_cannot_be_used_again(served: Served) -> None:
    rude, first = await served.client()
    await rude.say(DEFINITION, client.SubmitJobs(1, first, [b"x", b"y"]))
    await rude.say(client.SubmitJobs(1, first + 1, [b"z"]))
    assert "in use already" in (await rude.dismissal()).text


async def test_ids_of_another_session_cannot_be_used(served: Served) -> None:
    _, first = await served.client()
    rude, _ = await served.client()
    await rude.say(DEFINITION, client.SubmitJobs(1, first, [b"x"]))
    assert "not reserved" in (await rude.dismissal()).text


async def test_what_was_asked_before_the_dismissal_is_answered(served: Served) -> None:
    rude, _ = await served.client()
    await rude.say(client.KillAllJobs(5), ForgetSpec(3))
    assert await rude.hear(client.Accepted) == client.Accepted(5)
    assert (await rude.dismissal()).reason is CloseReason.REFUSED


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x00", b"\xff" * 1000, WIRE.encode([SUBMISSION])[:-1], b"\x90", b"\x91" * 100_000],
    ids=["empty", "a number", "nonsense", "half", "no messages", "deep"],
)
@pytest.mark.parametrize("role", [PeerRole.CLIENT, PeerRole.WORKER])
async def test_a_broken_frame_ends_its_sender_alone(
    served: Served, role: PeerRole, frame: bytes
) -> None:
    other, _ = await served.client()
    broken = await (await served.connect(role)).greet()
    await broken.socket.send_bytes(frame)
    goodbye = await broken.dismissal()
    assert goodbye.reason is CloseReason.PROTOCOL
    assert goodbye.text
    assert await served.is_well_for(other)


async def test_text_ends_its_sender_alone(served: Served) -> None:
    other, _ = await served.client()
    chatty, _ = await served.client()
    await chatty.socket.send_str("hello")
    assert (await chatty.dismissal()).reason is CloseReason.PROTOCOL
    assert await served.is_well_for(other)


async def test_a_frame_over_the_limit_ends_its_sender_alone(served: Served) -> None:
    other, _ = await served.client()
    broken, _ = await served.client()
    header = b"\x82\xff" + (limits.MAX_FRAME + 1).to_bytes(8, "big") + bytes(4)
    broken.transport.write(header + b"and a beginning")
    await broken.hear_rest()
    assert broken.socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert await served.is_well_for(other)


async def test_a_peer_that_dies_in_the_middle_of_a_frame_harms_nobody(served: Served) -> None:
    other, _ = await served.client()
    dying, _ = await served.client()
    dying.transport.write(b"\x82\xfe\xff\xff\x00\x00\x00\x00half")
    dying.transport.abort()
    assert await served.is_well_for(other)


@pytest.mark.parametrize("versions", [(2, 3), (0, 0)])
async def test_a_peer_of_another_version_learns_which_are_spoken(
    served: Served, versions: tuple[int, int]
) -> None:
    other, _ = await served.client()
    strange = await served.connect()
    await strange.say(Hello(*versions, PeerRole.CLIENT, "strange"))
    goodbye = await strange.dismissal()
    assert goodbye.reason is CloseReason.VERSION
    assert f"{versions[0]} to {versions[1]}" in goodbye.text
    assert await served.is_well_for(other)


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (PeerRole.CLIENT, "/worker"),
        (PeerRole.WORKER, "/client"),
        (PeerRole.MASTER, "/client"),
        (PeerRole.MASTER, "/worker"),
    ],
)
async def test_a_peer_at_the_wrong_door_is_sent_away(
    served: Served, role: PeerRole, path: str
) -> None:
    lost = await served.connect(role, path)
    await lost.say(Hello(1, 1, role, "lost"))
    assert "no business here" in (await lost.dismissal()).text


@pytest.mark.parametrize("message", [client.ReserveJids(), Heartbeat(), Drain(), REGISTRATION])
async def test_who_does_not_greet_is_sent_away(served: Served, message: object) -> None:
    rude = await served.connect()
    await rude.say(message)
    assert "before the greeting" in (await rude.dismissal()).text


# ------------------------------------------------------------------ workers


REPORT = worker.AttemptsDone([1], [1], [b""], [0.1])
FAILED = worker.AttemptFailed(1, 1, Failure(FailureKind.EXIT, "x"), 0.0)

RUDE_WORKERS: dict[str, tuple[list[Any], str]] = {
    "a report before its registration": ([REPORT], "first message of a worker"),
    "a window before its registration": ([worker.SetWindow(4)], "first message of a worker"),
    "a client's request": ([REGISTRATION, client.KillAllJobs(1)], "does not send KillAllJobs"),
    "a registration twice": ([REGISTRATION, REGISTRATION], "does not send RegisterWorker"),
    "a lease": ([REGISTRATION, worker.RunJobs(1, 1, [1], [b""])], "does not send RunJobs"),
    "columns of different lengths": (
        [REGISTRATION, worker.AttemptsDone([1, 2], [1], [b""], [0.1])],
        "different lengths",
    ),
    "starts of different lengths": (
        [REGISTRATION, worker.AttemptsStarted([1], [])],
        "different lengths",
    ),
}


@pytest.mark.parametrize("what", RUDE_WORKERS)
async def test_a_worker_that_breaks_the_rules_is_dismissed_alone(served: Served, what: str) -> None:
    messages, text = RUDE_WORKERS[what]
    other, _ = await served.client()
    rude = await served.worker()
    await rude.say(*messages)
    goodbye = await rude.dismissal()
    assert goodbye.reason is CloseReason.REFUSED
    assert text in goodbye.text
    assert await served.is_well_for(other)


async def test_a_dismissed_worker_cannot_register_any_more(served: Served) -> None:
    rude = await served.worker()
    await rude.say(REPORT)
    await rude.say(REGISTRATION)
    await rude.say(Close(CloseReason.FINISHED, ""))
    assert [type(message) for message in await rude.hear_rest()] == [Close]
    assert served.master._performer.workers == {}


async def test_reports_about_jobs_that_it_does_not_have_are_late(served: Served) -> None:
    peer = await served.worker()
    other, first = await served.client()
    await peer.say(REGISTRATION)
    await peer.hear(worker.WorkerAccepted)
    await peer.say(
        REPORT,
        FAILED,
        worker.AttemptsStarted([first], [3]),
        worker.AttemptsReturned([first], [3]),
        worker.OutputRead(first, 3, "a", "b", "c"),
    )
    assert await served.is_well_for(other)
    assert not peer.socket.closed


async def test_a_job_goes_all_the_way(served: Served) -> None:
    peer = await served.worker()
    await peer.say(REGISTRATION)
    other, first = await served.client()
    await other.say(DEFINITION, client.SubmitJobs(1, first, [b"in"]))
    await other.say(client.WatchJobs([first], True))
    assert await peer.hear(DefineSpec) == like(DefineSpec, spec=SPEC, code=b"code")
    run: worker.RunJobs = await peer.hear(worker.RunJobs)
    await peer.say(worker.AttemptsDone(run.jids, [run.fence], [b"out"], [0.1]))
    assert await other.hear(client.JobsDone) == client.JobsDone([first], [b"out"])


async def test_the_same_report_twice_is_late(served: Served) -> None:
    peer = await served.worker()
    await peer.say(REGISTRATION)
    other, first = await served.client()
    await other.say(DEFINITION, client.SubmitJobs(1, first, [b"in"]))
    run: worker.RunJobs = await peer.hear(worker.RunJobs)
    done = worker.AttemptsDone(run.jids * 2, [run.fence] * 2, [b"out"] * 2, [0.1] * 2)
    await peer.say(done, done)
    assert await served.is_well_for(other)


# ------------------------------------------------------------------ the end


async def test_a_closing_master_says_goodbye_to_all(served: Served) -> None:
    peers = [(await served.client())[0], await served.worker()]
    leaving = [asyncio.ensure_future(peer.dismissal()) for peer in peers]
    await served.server.stop_listening()
    await served.master.close()
    assert [(await each).reason for each in leaving] == [CloseReason.FINISHED] * 2


async def test_nobody_comes_in_while_a_master_says_goodbye(served: Served) -> None:
    await served.server.stop_listening()
    with pytest.raises(aiohttp.ClientConnectionError):
        await served.connect()
