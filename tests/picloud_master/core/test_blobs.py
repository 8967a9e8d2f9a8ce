"""Blobs on the master: who is asked for them, who holds them, and how long they are kept."""

from picloud.protocol.blob_messages import (
    BlobsKept,
    BlobsRefused,
    OfferBlobs,
    ReadBlob,
    WithdrawBlobs,
)
from picloud.protocol.client_messages import JobsDone
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.worker_messages import RunJobs
from picloud_master.core.blob_peer import BlobPeer
from picloud_master.core.effects import (
    DropBlob,
    FetchFromPeer,
    LosePeer,
    ServePeer,
)
from picloud_master.core.events import SessionClosed
from picloud_master.core.policy import Policy
from tests.support.blobs import (
    SIZE,
    a_key,
    done_with_blobs,
    fetches,
    have_read,
    keep,
    naming,
    with_blobs,
)
from tests.support.builders import Master, TestClient, TestJob

A, B, C = a_key("a"), a_key("b"), a_key("c")


def peer_of(client: TestClient) -> BlobPeer:
    return BlobPeer(session=client.id)


def removed(master: Master) -> list[bytes]:
    return [one.key for one in master.turn.effects if isinstance(one, DropBlob)]


def first_job(client: TestClient, number: int = 1) -> JobId:
    return JobId(client.block + 100 * number)


# ------------------------------------------------------------------ offers


def test_what_is_not_here_is_read_from_who_offers_it_and_then_kept() -> None:
    master = Master()
    client = master.client()
    client.says(OfferBlobs([A, B]))
    assert fetches(master) == [
        FetchFromPeer(peer_of(client), "ann", A),
        FetchFromPeer(peer_of(client), "ann", B),
    ]
    assert client.heard(BlobsKept) == []
    have_read(master, "ann", A)
    assert client.heard(BlobsKept) == [BlobsKept([A])]
    have_read(master, "ann", B)
    assert client.heard(BlobsKept) == [BlobsKept([A]), BlobsKept([B])]


def test_what_is_here_is_kept_at_once() -> None:
    master = Master()
    client, other = master.client(), master.client()
    keep(master, client, A, B)
    other.says(OfferBlobs([A, B]))
    assert fetches(master) == []
    assert other.heard(BlobsKept) == [BlobsKept([A, B])]


def test_what_is_being_read_is_read_once_and_all_who_offer_it_are_answered() -> None:
    master = Master()
    client, other = master.client(), master.client()
    client.says(OfferBlobs([A]), OfferBlobs([A]))
    other.says(OfferBlobs([A]))
    assert fetches(master) == []
    have_read(master, "ann", A)
    assert client.heard(BlobsKept) == [BlobsKept([A, A])]
    assert other.heard(BlobsKept) == [BlobsKept([A])]


def test_nobody_learns_what_another_owner_has() -> None:
    master = Master()
    ann, bob = master.client("ann"), master.client("bob")
    keep(master, ann, A)
    bob.says(OfferBlobs([A]), ReadBlob(A, 0, 1))
    assert fetches(master) == [FetchFromPeer(peer_of(bob), "bob", A)]
    missing = ServePeer(peer_of(bob), "bob", ReadBlob(A, 0, 1), is_kept=False)
    assert missing in master.turn.effects


def test_what_cannot_be_read_is_refused_with_the_reason() -> None:
    master = Master()
    client = master.client()
    client.says(OfferBlobs([A]))
    have_read(master, "ann", A, text="there is no room for it")
    assert client.heard(BlobsRefused) == [BlobsRefused([A], "there is no room for it")]
    client.says(OfferBlobs([A]))
    assert len(fetches(master)) == 1


def test_another_one_who_offers_it_is_asked_when_the_first_has_it_no_more() -> None:
    master = Master()
    client, other = master.client(), master.client()
    client.says(OfferBlobs([A]))
    other.says(OfferBlobs([A]))
    have_read(master, "ann", A, text="it was deleted")
    assert fetches(master) == [FetchFromPeer(peer_of(other), "ann", A)]
    assert len(client.heard(BlobsRefused)) == 1
    have_read(master, "ann", A)
    assert other.heard(BlobsKept) == [BlobsKept([A])]
    assert client.heard(BlobsKept) == []


def test_another_one_is_asked_when_the_first_is_gone() -> None:
    master = Master()
    client, other = master.client(), master.client()
    client.says(OfferBlobs([A]))
    other.says(OfferBlobs([A]))
    master.hears(SessionClosed(client.id))
    assert LosePeer(peer_of(client)) in master.turn.effects
    have_read(master, "ann", A, text="gone")
    assert fetches(master) == [FetchFromPeer(peer_of(other), "ann", A)]
    have_read(master, "ann", A)
    assert other.heard(BlobsKept) == [BlobsKept([A])]


def test_what_was_being_read_from_one_who_is_gone_is_forgotten() -> None:
    master = Master()
    client = master.client()
    client.says(OfferBlobs([A]))
    master.hears(SessionClosed(client.id))
    have_read(master, "ann", A, text="gone")
    assert master.registry.blobs._records == {}


def test_what_was_read_although_nobody_waits_any_more_is_kept_for_the_next() -> None:
    master = Master()
    client, other = master.client(), master.client()
    client.says(OfferBlobs([A]))
    master.hears(SessionClosed(client.id))
    have_read(master, "ann", A)
    other.says(OfferBlobs([A]))
    assert other.heard(BlobsKept) == [BlobsKept([A])]


# ------------------------------------------------------------------ limits


def test_what_nothing_holds_is_kept_until_it_is_too_much_and_the_oldest_goes_first() -> None:
    master = Master(Policy(max_unused_blobs=2 * SIZE))
    client = master.client()
    keep(master, client, A, B, C)
    client.says(WithdrawBlobs([A, B]))
    assert removed(master) == []
    client.says(ReadBlob(A, 0, 10))  # that is a use
    client.says(WithdrawBlobs([C]))
    assert removed(master) == [B]


def test_what_is_too_much_for_an_owner_is_refused_with_the_remedy() -> None:
    master = Master(Policy(max_blob_bytes=2 * SIZE))
    client, bob = master.client(), master.client("bob")
    client.says(OfferBlobs([A, B, C]))
    assert [one.key for one in fetches(master)] == [A, B]
    refused = client.heard(BlobsRefused)
    assert [one.keys for one in refused] == [[C]]
    for words in ("2.0 MiB of 2.0 MiB", "1.0 MiB more", "delete jobs whose results you have read"):
        assert words in refused[0].text
    bob.says(OfferBlobs([C]))
    assert len(fetches(master)) == 1


def test_unused_blobs_of_the_owner_make_room_for_others() -> None:
    master = Master(Policy(max_blob_bytes=2 * SIZE))
    client, bob = master.client(), master.client("bob")
    keep(master, bob, A)
    bob.says(WithdrawBlobs([A]))
    keep(master, client, A, B)
    client.says(WithdrawBlobs([A, B]))
    client.says(OfferBlobs([C]))
    removals = [one for one in master.turn.effects if isinstance(one, DropBlob)]
    assert removals == [DropBlob("ann", A)]
    assert len(fetches(master)) == 1


def test_small_blobs_count_for_more_so_that_there_cannot_be_too_many() -> None:
    master = Master(Policy(max_blob_bytes=SIZE))
    client = master.client()
    client.says(OfferBlobs([a_key(str(number), 1) for number in range(9)]))
    assert len(fetches(master)) < 9


# ------------------------------------------------------------------ jobs


def test_a_job_s_arguments_are_held_until_it_is_final() -> None:
    master = Master(Policy(max_unused_blobs=0))
    client, worker = master.client(), master.worker()
    keep(master, client, A)
    client.says(*with_blobs(client, 1, naming(A, A)), WithdrawBlobs([A]))
    assert removed(master) == []
    assert [one.spilled for one in worker.heard(RunJobs)] == [True]
    worker.says(worker.done(first_job(client)))
    assert removed(master) == [A]


def test_arguments_of_jobs_that_share_a_blob_are_held_by_each() -> None:
    master = Master(Policy(max_unused_blobs=0))
    client, worker = master.client(), master.worker(2)
    keep(master, client, A)
    client.says(*with_blobs(client, 1, naming(A), b"small", naming(A)), WithdrawBlobs([A]))
    first = first_job(client)
    worker.says(worker.done(first))
    assert removed(master) == []
    client.kills(JobId(first + 2))
    assert removed(master) == [A]


def test_only_messages_of_jobs_that_name_blobs_say_so() -> None:
    master = Master()
    client, worker = master.client(), master.worker(4)
    keep(master, client, A)
    client.submits()
    client.says(*with_blobs(client, 2, b"small"))
    assert [one.spilled for one in worker.heard(RunJobs)] == [False, False]
    client.says(*with_blobs(client, 3, naming(A)), *with_blobs(client, 4, b"small"))
    assert [one.spilled for one in worker.heard(RunJobs)] == [False, False, True, False]


def test_a_result_s_blobs_are_held_until_the_job_is_forgotten() -> None:
    master = Master(Policy(max_unused_blobs=0))
    client, worker = master.client(), master.worker()
    (jid,) = client.submits()
    worker.says(OfferBlobs([A], "ann"))
    assert fetches(master) == [FetchFromPeer(BlobPeer(worker=worker.id), "ann", A)]
    have_read(master, "ann", A)
    assert worker.heard(BlobsKept) == [BlobsKept([A], "ann")]
    worker.says(done_with_blobs(worker, jid, A), WithdrawBlobs([A], "ann"))
    client.watches([jid])
    assert client.heard(JobsDone)[-1].results == [naming(A)]
    client.says(ReadBlob(A, 0, 100))
    assert master.turn.effects == [ServePeer(peer_of(client), "ann", ReadBlob(A, 0, 100))]
    client.deletes(jid)
    assert removed(master) == [A]


def test_blobs_of_a_late_result_are_not_held() -> None:
    master = Master(Policy(max_unused_blobs=0))
    client, worker = master.client(), master.worker()
    (jid,) = client.submits()
    client.kills(jid)
    worker.says(OfferBlobs([A], "ann"))
    have_read(master, "ann", A)
    worker.says(done_with_blobs(worker, jid, A), WithdrawBlobs([A], "ann"))
    assert removed(master) == [A]


def test_results_are_forgotten_when_their_blobs_are_too_much() -> None:
    master = Master(Policy(max_finished_bytes=SIZE, max_unused_blobs=0))
    client, worker = master.client(), master.worker(2)
    old, young = client.submits(2)
    worker.says(OfferBlobs([A, B], "ann"))
    have_read(master, "ann", A, B)
    for jid, key in ((old, A), (young, B)):
        worker.says(done_with_blobs(worker, jid, key), WithdrawBlobs([key], "ann"))
    master.now += 1000.0
    master.hears()
    assert old not in master.registry.jobs
    assert removed(master)[0] == A


def test_a_function_s_blobs_are_held_as_long_as_the_spec() -> None:
    master = Master(Policy(max_unused_blobs=0))
    client, worker = master.client(), master.worker()
    keep(master, client, A)
    client.says(*with_blobs(client, 1, b"", code=naming(A)), WithdrawBlobs([A]))
    assert worker.heard(DefineSpec)[-1].code == naming(A)
    worker.says(worker.done(first_job(client)))
    assert removed(master) == []
    client.says(ForgetSpec(SpecNumber(1)))
    assert removed(master) == [A]


def test_a_worker_that_is_lost_lets_go_of_what_it_has_offered() -> None:
    master = Master(Policy(max_unused_blobs=0))
    worker = master.worker()
    worker.says(OfferBlobs([A], "ann"))
    have_read(master, "ann", A)
    master.hears(worker.lost())
    assert removed(master) == [A]


# ------------------------------------------------------------------ jobs of jobs


def test_a_running_job_offers_and_reads_blobs_as_a_client_does() -> None:
    master = Master(Policy(max_unused_blobs=0))
    client, worker = master.client(), master.worker(2)
    (parent,) = client.submits()
    job: TestJob = worker.job(parent)
    job.says(OfferBlobs([A]))
    (fetch,) = fetches(master)
    have_read(master, "ann", A)
    assert job.heard(BlobsKept) == [BlobsKept([A])]
    job.says(*with_blobs(job, 1, naming(A)), WithdrawBlobs([A]))
    assert worker.heard(RunJobs)[-1].spilled
    job.says(ReadBlob(A, 0, 5))
    assert master.turn.effects[0] == ServePeer(fetch.peer, "ann", ReadBlob(A, 0, 5))
    worker.says(worker.done(parent))
    assert LosePeer(fetch.peer) in master.turn.effects
    assert removed(master) == []
    worker.says(worker.done(first_job(job)))
    assert removed(master) == [A]
