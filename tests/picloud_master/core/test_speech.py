"""What a turn says, and how long columns are cut."""

from hypothesis import given
from hypothesis import strategies as st

from picloud.protocol import client_messages as ask
from picloud.protocol import limits
from picloud.protocol import worker_messages as report
from picloud.protocol.ids import JobId, RequestId
from picloud_master.core.batches import pieces
from picloud_master.core.story import Story
from tests.support.builders import Master

HALF = b"x" * (limits.FRAME_TARGET // 2 + 1)


@given(st.lists(st.integers(0, 3).map(lambda n: HALF * n) | st.none(), max_size=8))
def test_pieces_are_whole_and_small_unless_a_single_item_is_large(
    column: list[bytes | None],
) -> None:
    cut = [column[piece] for piece in pieces(column)]
    assert [item for piece in cut for item in piece] == column
    for piece in cut:
        assert len(piece) == 1 or sum(len(x or b"") for x in piece) <= limits.FRAME_TARGET


def test_large_arguments_leave_in_several_messages_with_one_fence() -> None:
    master = Master()
    jids, worker = master.client().submits(3, payload=HALF), master.worker(3)
    assert [run.jids for run in worker.heard(report.RunJobs)] == [[jid] for jid in jids]
    assert len({run.fence for run in worker.heard(report.RunJobs)}) == 1


def test_large_results_leave_in_several_messages() -> None:
    master = Master()
    client, worker = master.client(), master.worker(3)
    jids = client.submits(3)
    client.watches(jids)
    worker.says(worker.done(*jids, result=HALF))
    assert [done.jids for done in client.heard(ask.JobsDone)] == [[jid] for jid in jids]


def test_jobs_of_two_specs_leave_in_two_messages() -> None:
    master = Master()
    client = master.client()
    first, second = client.submits(1), client.submits(1, label="other")
    worker = master.worker(2)
    assert [run.jids for run in worker.heard(report.RunJobs)] == [first, second]


def test_a_story_tells_the_past_of_one_job_and_forgets_the_oldest() -> None:
    story = Story(length=2)
    for now, jid in enumerate([1, 2, 1]):
        story.add(float(now), "client 1", ask.AskStatus(RequestId(1), [JobId(jid)]))
    assert story.of(jid=1) == ["2.000000 client 1: AskStatus [1]"]
    assert len(story.of(who="client 1")) == 2
