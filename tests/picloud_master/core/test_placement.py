"""Which job goes where, and what is taken back."""

from collections.abc import Iterable

from picloud.protocol.ids import JobId, WorkerId
from picloud.protocol.jobs import SlotPool
from picloud_master.core.job.actor import JobActor
from picloud_master.core.placement import overloaded, place
from picloud_master.core.queue import JobQueue, QueueKey, key_of
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.states import Gone
from tests.support.builders import a_job


def a_worker(
    number: int, cores: int, *core_types: str, window: int = 1, python: str = "3.11"
) -> WorkerActor:
    pools = [SlotPool(list(core_types or ("c1",)), cores)]
    worker = WorkerActor(WorkerId(number), "node", pools, python)
    worker.window = window
    return worker


def holding(worker: WorkerActor, cores: int) -> WorkerActor:
    worker.leased_cores[0] = cores
    worker.leases = {JobId(1000 + place): 0 for place in range(cores)}
    return worker


def queues(*jobs: JobActor) -> dict[QueueKey, JobQueue]:
    found: dict[QueueKey, JobQueue] = {("c1", "3.11"): JobQueue(), ("m1", "3.11"): JobQueue()}
    for job in jobs:
        queue = found.setdefault(key_of(job.spec), JobQueue())
        queue.append([job], job.spec.priority, job.submission.owner)
    return found


def jobs(count: int) -> list[JobActor]:
    return [a_job(number) for number in range(1, count + 1)]


def placed(
    waiting: dict[QueueKey, JobQueue], workers: Iterable[WorkerActor]
) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for placement in place(waiting, workers, {}):
        found.setdefault(placement.worker.id, []).extend(job.id for job in placement.jobs)
    return found


def test_jobs_are_spread_before_windows_deepen() -> None:
    workers = [a_worker(1, 2, window=3), a_worker(2, 2, window=3)]
    assert placed(queues(*jobs(4)), workers) == {1: [1, 2], 2: [3, 4]}


def test_idle_cores_are_filled_before_a_loaded_worker_gets_more() -> None:
    workers = [holding(a_worker(1, 2, window=3), 2), a_worker(2, 2, window=3)]
    assert placed(queues(*jobs(2)), workers) == {2: [1, 2]}


def test_no_worker_gets_more_than_its_window() -> None:
    workers = [a_worker(1, 2, window=2), a_worker(2, 1)]
    taken = placed(queues(*jobs(9)), workers)
    assert {worker: len(jids) for worker, jids in taken.items()} == {1: 4, 2: 1}


def test_a_worker_whose_window_shrank_below_its_leases_gets_nothing() -> None:
    assert placed(queues(*jobs(1)), [holding(a_worker(1, 2), 5)]) == {}


def test_a_worker_that_is_gone_gets_nothing() -> None:
    worker = a_worker(1, 2)
    worker.state = Gone("lost")
    assert placed(queues(*jobs(1)), [worker]) == {}


def test_jobs_go_to_pools_of_their_core_type() -> None:
    waiting = queues(a_job(1), a_job(2, core_type="m1"))
    assert placed(waiting, [a_worker(1, 4, "m1"), a_worker(2, 4)]) == {2: [1], 1: [2]}


def test_core_types_share_the_room_of_a_pool_that_serves_both() -> None:
    waiting = queues(a_job(1), a_job(2, core_type="m1"))
    assert placed(waiting, [a_worker(1, 1, "c1", "m1")]) == {1: [1]}


def test_a_full_window_takes_what_ranks_higher_than_all_that_is_there() -> None:
    worker = holding(a_worker(1, 1, window=2), 2)
    worker.nested_cores[0] = {1: 1}
    waiting = {("c1", "3.11"): JobQueue()}
    for number, rank in enumerate([0, 1, 1, 2, 2, 2], start=1):
        waiting["c1", "3.11"].append([ranked(number, rank)], 5, "owner", rank)
    assert placed(waiting, [worker]) == {1: [4, 5]}


def ranked(number: int, rank: int) -> JobActor:
    job = a_job(number)
    job.rank = rank
    return job


def test_a_wide_job_goes_where_it_fits() -> None:
    assert placed(queues(a_job(1, cores=4)), [a_worker(1, 2), a_worker(2, 4)]) == {2: [1]}


def test_a_wide_job_keeps_none_behind_it_from_workers_that_it_does_not_fit() -> None:
    waiting = queues(a_job(1, cores=4), a_job(2), a_job(3))
    assert placed(waiting, [a_worker(1, 2), a_worker(2, 4)]) == {2: [1], 1: [2, 3]}


def test_a_wide_job_waits_and_is_not_overtaken() -> None:
    waiting = queues(a_job(1, cores=4), a_job(2))
    assert placed(waiting, [holding(a_worker(1, 4), 1)]) == {}


def test_a_job_too_wide_for_the_whole_fleet_blocks_nobody() -> None:
    waiting = queues(a_job(1, cores=64), a_job(2))
    assert placed(waiting, [a_worker(1, 4)]) == {1: [2]}
    assert placed(waiting, [a_worker(2, 64)]) == {2: [1]}


def test_bound_jobs_are_taken_back_for_idle_cores() -> None:
    workers = [holding(a_worker(1, 1, window=9), 3), a_worker(2, 1)]
    assert list(overloaded(queues(), workers)) == [(workers[0], 1)]


def test_half_of_a_long_line_is_taken_back() -> None:
    workers = [holding(a_worker(1, 1, window=90), 41), a_worker(2, 1)]
    assert list(overloaded(queues(), workers)) == [(workers[0], 20)]


def test_nothing_is_taken_back_while_jobs_wait() -> None:
    workers = [holding(a_worker(1, 1, window=9), 3), a_worker(2, 1)]
    assert list(overloaded(queues(a_job(1)), workers)) == []


def test_nothing_is_taken_back_when_no_core_is_idle() -> None:
    workers = [holding(a_worker(1, 1, window=9), 3), holding(a_worker(2, 1), 1)]
    assert list(overloaded(queues(), workers)) == []


def test_nothing_is_taken_back_for_cores_of_another_type() -> None:
    workers = [holding(a_worker(1, 1, window=9), 3), a_worker(2, 1, "m1")]
    assert list(overloaded(queues(), workers)) == []


def test_a_worker_that_has_not_answered_is_not_asked_again() -> None:
    workers = [holding(a_worker(1, 1, window=9), 3), a_worker(2, 1)]
    workers[0].taking_back = True
    assert list(overloaded(queues(), workers)) == []


# ------------------------------------------------------------------ Pythons


def test_a_job_goes_only_to_a_worker_with_its_python() -> None:
    workers = [a_worker(1, 4), a_worker(2, 4, python="3.12")]
    waiting = queues(a_job(1), a_job(2, python="3.12"), a_job(3))
    assert placed(waiting, workers) == {1: [1, 3], 2: [2]}


def test_one_with_an_environment_goes_anywhere() -> None:
    workers = [a_worker(1, 1, python="3.12"), a_worker(2, 1)]
    waiting = queues(a_job(1), a_job(2, environment="digest"))
    assert placed(waiting, workers) == {1: [2], 2: [1]}


def test_one_whose_python_nobody_has_keeps_no_other_from_running() -> None:
    workers = [a_worker(1, 2, python="3.12")]
    waiting = queues(a_job(1), a_job(2, environment="digest"), a_job(3), a_job(4, python="3.12"))
    assert placed(waiting, workers) == {1: [2, 4]}
    assert placed(waiting, [a_worker(2, 4)]) == {2: [1, 3]}


def test_jobs_are_taken_back_only_for_a_worker_with_the_same_python() -> None:
    loaded = holding(a_worker(1, 1, window=4), 3)
    assert list(overloaded(queues(), [loaded, a_worker(2, 4, python="3.12")])) == []
    assert list(overloaded(queues(), [loaded, a_worker(3, 4)])) == [(loaded, 2)]
