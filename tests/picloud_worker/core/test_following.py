"""Attempts that follow others on this worker."""

from collections.abc import Sequence

from picloud.protocol import limits
from picloud.protocol import worker_messages as report
from picloud.protocol.client_messages import JobsDone
from picloud.protocol.ids import Fence, JobId, SpecNumber
from picloud.protocol.wire import WIRE
from picloud_worker.core.attempt.states import Unready
from picloud_worker.core.effects import Effect
from picloud_worker.pipe import messages as pipe
from tests.support.builders import RAISED, Node, sent, told


def follows(node: Node, jid: int, *leaders: int, before: bytes = b"") -> list[Effect]:
    """The master grants a job that follows others."""
    ids = [JobId(each) for each in leaders]
    order = report.RunJobs(SpecNumber(1), Fence(1), [JobId(jid)], [b""], 0, [before], [ids])
    return node.master(order)


def waits(node: Node, jid: int) -> bool:
    return type(node.crew.attempts[JobId(jid)].state) is Unready


def told_of(turn: Sequence[Effect]) -> list[object]:
    """What the only attempt that a turn starts hears first."""
    (run,) = sent(turn, pipe.RunAttempts)
    assert run.inputs is not None
    (frame,) = run.inputs
    return WIRE.decode(frame) if frame else []


def returned(turn: Sequence[Effect]) -> list[JobId]:
    return [jid for one in told(turn, report.AttemptsReturned) for jid in one.jids]


def test_it_starts_with_the_end_of_its_leader_and_knows_its_result() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    assert waits(node, 2)
    turn = node.returns(1, 1)
    assert node.given(1) == [2]
    assert told_of(turn) == [JobsDone([JobId(1)], [b"r"])]


def test_its_leaders_end_is_said_before_its_own_start() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    turn = node.returns(1, 1, runtime=60.0)
    said = [one for one in told(turn, object) if hasattr(one, "jids")]
    assert [(type(one), one.jids) for one in said] == [
        (report.AttemptsDone, [1]),
        (report.AttemptsStarted, [2]),
    ]


def test_it_waits_for_all_of_its_leaders() -> None:
    node = Node(cores=2)
    node.runs(1, 2)
    follows(node, 3, 1, 2)
    node.returns(1, 1)
    assert waits(node, 3)
    turn = node.returns(2, 2)
    results = {jid: result for one in told_of(turn) for jid, result in pairs(one)}
    assert results == {1: b"r", 2: b"r"}


def pairs(message: object) -> list[tuple[int, bytes | None]]:
    assert isinstance(message, JobsDone)
    return list(zip(message.jids, message.results, strict=True))


def test_what_the_master_has_told_it_comes_first() -> None:
    node = Node()
    node.runs(1)
    earlier = JobsDone([JobId(7)], [b"seven"])
    follows(node, 2, 1, before=WIRE.encode([earlier]))
    assert told_of(node.returns(1, 1)) == [earlier, JobsDone([JobId(1)], [b"r"])]


def test_a_result_over_the_limit_it_has_to_ask_for() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    large = b"x" * (limits.INPUT + 1)
    turn = node.says(1, pipe.Returned([node.sequences[1]], [large], [0.001]))
    (run,) = sent(turn, pipe.RunAttempts)
    assert run.inputs is None


def test_a_chain_runs_on() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    follows(node, 3, 2)
    node.returns(1, 1)
    node.returns(1, 2)
    assert node.given(1) == [3]


def test_if_its_leader_fails_it_goes_back_and_so_does_what_follows_it() -> None:
    node = Node()
    node.runs(1)
    for jid in range(2, 2000):  # more than any call stack holds
        follows(node, jid, jid - 1)
    turn = node.says(1, pipe.Raised(node.sequences[1], RAISED, 0.001))
    assert told(turn, report.AttemptFailed)
    assert returned(turn) == list(range(2, 2000))
    assert not node.crew.attempts
    assert not node.crew.followers


def test_if_its_leader_is_stopped_it_goes_back() -> None:
    node = Node()
    node.runs(1, 2)
    follows(node, 3, 2)
    assert returned(node.stops(2)) == [3]


def test_what_a_stopped_leader_still_returns_lets_nobody_start() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    node.stops(1)
    assert returned(node.returns(1, 1)) == [2]


def test_if_its_leader_is_given_back_by_a_dead_interpreter_it_goes_on_waiting() -> None:
    node = Node()
    node.learns(0.0001)
    node.runs(1, 2)
    follows(node, 3, 2)
    node.dies(1, running=1)
    assert waits(node, 3)


def test_if_its_leader_has_ended_before_it_comes_it_goes_back() -> None:
    node = Node()
    node.runs(1)
    node.returns(1, 1)
    assert returned(follows(node, 2, 1)) == [2]


def test_stopped_it_is_over_and_its_leader_goes_on() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    turn = node.stops(2)
    assert [one.jid for one in told(turn, report.AttemptFailed)] == [2]
    node.returns(1, 1)
    assert node.given(1) == []


def test_it_is_not_taken_back_for_other_workers() -> None:
    node = Node()
    node.runs(1)
    follows(node, 2, 1)
    node.master(report.TakeBack(5))
    assert waits(node, 2)
