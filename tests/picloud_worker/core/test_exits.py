"""What becomes of attempts whose interpreter was lost together with its zygote."""

from picloud.protocol import worker_messages as report
from picloud.protocol.failures import FailureKind
from picloud_worker.core import settings
from picloud_worker.core.events import Exit
from tests.support.builders import Node, told

WITH_ZYGOTE = Exit(1, text="the zygote has ended", zygote_lost=True)


def test_what_ran_is_lost_and_what_did_not_runs_again() -> None:
    node = Node()
    node.learns(settings.WINDOW / 8)
    node.runs(1, 2, 3)
    (failed,) = told(node.dies(1, running=2, exit_=WITH_ZYGOTE), report.AttemptFailed)
    assert (failed.jid, failed.failure.kind) == (2, FailureKind.WORKER_LOST)
    assert failed.failure.message == "the zygote has ended"
    assert node.given(2) == [1, 3]


def test_what_was_to_end_has_ended() -> None:
    node = Node()
    node.runs(1)
    node.stops(1)
    (failed,) = told(node.dies(1, running=1, exit_=WITH_ZYGOTE), report.AttemptFailed)
    assert failed.failure.kind is FailureKind.KILLED


def test_where_no_zygote_can_start_nothing_is_lost_but_all_fails() -> None:
    node = Node()
    node.runs(1)
    turns = [node.dies(number, exit_=WITH_ZYGOTE) for number in (1, 2, 3)]
    kinds = [one.failure.kind for turn in turns for one in told(turn, report.AttemptFailed)]
    assert kinds == [FailureKind.EXIT]
