"""How long finished jobs are kept."""

from picloud.protocol import client_messages as ask
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.worker_messages import OutputRead
from picloud_master.core.policy import FOR_ONE_PROGRAM, Policy
from picloud_master.core.retention import NEWS_AT_ONCE, SECONDS_BETWEEN
from tests.support.builders import Master, TestClient, a_spec


def later(master: Master, seconds: float = SECONDS_BETWEEN) -> set[JobId]:
    """Let time pass until another plan is due; the jobs that are still known."""
    master.now += seconds
    master.hears()
    return set(master.registry.jobs)


def finish(master: Master, *jids: JobId, result: bytes = b"result") -> None:
    """Let a worker run what waits."""
    worker = master.worker(len(jids) or 1, window=100)
    worker.says(worker.done(*jids, result=result))
    master.hears(worker.lost())


def dependent(client: TestClient, *depends_on: JobId) -> JobId:
    jid = JobId(client.block + 1000)
    handles = [bound for one in depends_on for bound in (int(one), one + 1)]
    define = DefineSpec(SpecNumber(1000), a_spec(), b"code")
    client.says(define, ask.SubmitJobs(SpecNumber(1000), jid, [b""], depends_on=handles))
    return jid


def test_they_are_forgotten_when_they_are_old() -> None:
    master = Master(Policy(keep_finished=100.0))
    client = master.client()
    old = client.submits(2)
    finish(master, *old)
    master.now += 60.0
    young = client.submits(2)
    finish(master, *young)
    assert later(master, 39.0) == {*old, *young}
    assert later(master) == set(young)
    assert later(master, 1000.0) == set()


def test_a_program_s_own_master_keeps_them_however_old_they_are() -> None:
    master = Master(FOR_ONE_PROGRAM)
    jids = master.client().submits(3)
    finish(master, *jids)
    assert later(master, 1e9) == set(jids)


def test_unfinished_jobs_are_kept_however_old_they_are() -> None:
    master = Master(Policy(keep_finished=100.0, max_finished=0))
    jids = master.client().submits(2)
    assert later(master, 1e6) == set(jids)


def test_the_oldest_go_when_there_are_too_many() -> None:
    master = Master(Policy(max_finished=2))
    jids = master.client().submits(5)
    finish(master, *jids)
    assert later(master) == set(jids[3:])


def test_the_oldest_go_when_they_are_too_large() -> None:
    master = Master(Policy(max_finished_bytes=25))
    jids = master.client().submits(5, payload=b"12345")
    finish(master, *jids, result=b"12345")
    assert later(master) == set(jids[3:])


def test_what_they_have_written_counts_until_they_go() -> None:
    master = Master(Policy(max_finished_bytes=25))
    client = master.client()
    jids = client.submits(5)
    worker = master.worker(5)
    for jid in jids:
        worker.says(OutputRead(jid, worker.fence(jid), "12345", "123", "12"), worker.done(jid))
    client.deletes(jids[4])
    assert later(master) == {jids[3]}
    client.deletes(jids[3])
    assert (master.registry.finished.size, master.registry.finished.written) == (0, {})


def test_failed_and_killed_jobs_go_as_well() -> None:
    master = Master(Policy(keep_finished=100.0))
    client, worker = master.client(), master.worker(2)
    failed, dying, killed = client.submits(3)
    client.kills(killed, dying)
    worker.says(worker.failed(failed))
    assert later(master, 200.0) == {dying}  # its worker has not confirmed
    worker.says(worker.failed(dying))
    assert later(master) == set()


def test_what_was_deleted_before_its_time_counts_no_more() -> None:
    master = Master(Policy(max_finished=2))
    client = master.client()
    jids = client.submits(4)
    finish(master, *jids)
    client.deletes(*jids[1:3])
    assert later(master) == {jids[0], jids[3]}


def test_what_an_unfinished_job_depends_on_is_kept() -> None:
    master = Master(Policy(keep_finished=100.0))
    client = master.client()
    needed, blocking, other = client.submits(3)
    worker = master.worker(3)
    worker.says(worker.done(needed, other))
    jid = dependent(client, needed, blocking)
    assert later(master, 1000.0) == {needed, blocking, jid}
    worker.says(worker.done(blocking))
    assert later(master, 1000.0) == {needed, blocking, jid}
    worker.says(worker.done(jid))
    assert later(master, 1000.0) == set()


def test_a_plan_is_made_once_many_have_finished() -> None:
    master = Master(Policy(max_finished=10))
    jids = master.client().submits(NEWS_AT_ONCE)
    finish(master, *jids)
    assert set(master.registry.jobs) == set(jids[-10:])


def test_ids_of_deleted_jobs_are_let_go() -> None:
    master = Master()
    client = master.client()
    first, *jids = client.submits(3000)
    finish(master, first, *jids)
    client.deletes(*jids)
    later(master)
    assert list(master.registry.finished.line) == [first]


def test_many_that_are_needed_cost_no_more_per_turn() -> None:
    master = Master(Policy(max_finished=0))
    client = master.client()
    jids = client.submits(200)
    (blocking,) = client.submits()
    jid = dependent(client, *jids, blocking)
    finish(master, *jids)
    assert later(master) == {*jids, blocking, jid}
    assert later(master) == {*jids, blocking, jid}
    client.kills(jid)
    for _ in range(20):
        known = later(master)
    assert known == {blocking}
