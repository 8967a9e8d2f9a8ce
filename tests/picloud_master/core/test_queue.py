"""The order in which waiting jobs are taken."""

from hypothesis import given
from hypothesis import strategies as st

from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import Killed
from picloud_master.core.queue import JobQueue
from tests.support.builders import a_job


def a_queue(*jobs: JobActor) -> JobQueue:
    queue = JobQueue()
    for job in jobs:
        queue.append([job], job.spec.priority, job.submission.owner)
    return queue


def take(queue: JobQueue, cores: int = 100, shares: dict[str, int] | None = None) -> list[int]:
    return [job.id for job in queue.take(lambda rank: cores, 100, shares or {})]


def take_all(queue: JobQueue, cores: int = 1) -> list[int]:
    taken: list[int] = []
    while jids := take(queue, cores):
        taken += jids
    return taken


def test_older_jobs_of_an_owner_go_first() -> None:
    assert take(a_queue(a_job(1), a_job(2), a_job(3)), cores=2) == [1, 2]


def test_a_lower_priority_number_goes_first() -> None:
    queue = a_queue(a_job(1, priority=5), a_job(2, priority=1), a_job(3, priority=9))
    assert take_all(queue) == [2, 1, 3]


def test_the_owner_that_holds_the_fewest_cores_goes_first() -> None:
    queue = a_queue(a_job(1, "ann"), a_job(2, "bob"))
    assert take(queue, 1, {"ann": 3, "bob": 2}) == [2]


def test_several_owners_get_their_part_of_the_cores_each() -> None:
    queue = a_queue(*(a_job(i, "ann") for i in range(1, 9)), a_job(9, "bob"))
    assert take(queue, 4) == [1, 2]


def test_priority_counts_more_than_fair_share() -> None:
    queue = a_queue(a_job(1, "ann", priority=1), a_job(2, "bob"))
    assert take(queue, 1, {"ann": 100}) == [1]


def test_a_job_put_back_goes_ahead_of_others_of_its_owner_and_priority() -> None:
    queue = a_queue(a_job(2), a_job(3, priority=1))
    queue.put_back(a_job(1))
    assert take_all(queue) == [3, 1, 2]


def test_a_killed_job_is_passed_over() -> None:
    killed = a_job(1)
    queue = a_queue(killed, a_job(2))
    killed.state = Killed(1.0)
    assert [job.id for job in queue.waiting()] == [2]
    assert take(queue) == [2]


def test_a_queue_of_killed_jobs_is_empty() -> None:
    killed = a_job(1)
    queue = a_queue(killed)
    assert not queue.is_empty()
    killed.state = Killed(1.0)
    assert queue.is_empty()


def test_nothing_overtakes_a_wide_job_that_does_not_fit_now() -> None:
    queue = a_queue(a_job(1, cores=4), a_job(2))
    assert take(queue, cores=3) == []
    assert take(queue, cores=5) == [1, 2]


def test_a_job_wider_than_the_seat_is_not_taken_however_much_room_there_is() -> None:
    queue = a_queue(a_job(1, cores=4))
    assert queue.take(lambda rank: 8, 2, {}) == []


def test_a_job_wider_than_every_worker_is_set_aside_and_blocks_nobody() -> None:
    queue = a_queue(a_job(1, cores=8), a_job(2), a_job(3, "bob"))
    queue.fit(4)
    assert sorted(take_all(queue)) == [2, 3]
    assert queue.is_empty()
    assert not queue.is_bare()
    assert [job.id for job in queue.waiting()] == [1]


def test_jobs_set_aside_come_back_in_their_order_once_there_is_a_wider_worker() -> None:
    killed = a_job(3, cores=8)
    queue = a_queue(a_job(1, cores=8), a_job(2, cores=16), killed, a_job(4, cores=8), a_job(5))
    queue.fit(4)
    assert take_all(queue) == [5]
    killed.state = Killed(1.0)
    queue.append([a_job(6)], 5, "ann")
    queue.fit(8)
    assert take_all(queue, 17) == [1, 4, 6]
    assert [job.id for job in queue.waiting()] == [2]


def test_jobs_ahead_are_the_more_urgent_ones_and_older_ones_of_the_owner() -> None:
    job = a_job(4)
    queue = a_queue(a_job(1, priority=1), a_job(2, "bob"), a_job(3), job, a_job(5))
    assert queue.counts_ahead()[job] == 2


def ranked(jid: int, rank: int, owner: str = "ann", **options: int) -> JobActor:
    job = a_job(jid, owner, **options)
    job.rank = rank
    return job


def entered(*jobs: JobActor) -> JobQueue:
    queue = JobQueue()
    for job in jobs:
        queue.enter(job)
    return queue


def test_higher_ranks_go_first_and_older_ones_among_them() -> None:
    assert take_all(entered(ranked(1, 0), ranked(2, 2), ranked(3, 1), ranked(4, 2))) == [2, 4, 3, 1]


def test_what_is_taken_together_is_of_one_rank() -> None:
    assert take(entered(ranked(1, 0), ranked(2, 2), ranked(3, 2))) == [2, 3]


def test_priority_counts_more_than_rank_and_so_does_fair_share() -> None:
    queue = entered(ranked(1, 9, "ann"), ranked(2, 0, "bob"), ranked(3, 0, priority=1))
    assert take(queue, 1, {"ann": 2, "bob": 1}) == [3]
    assert take(queue, 1, {"ann": 2, "bob": 1}) == [2]


def test_a_raised_job_counts_only_where_it_was_raised_to() -> None:
    raised, killed = ranked(2, 0), ranked(3, 0)
    queue = entered(ranked(1, 0), raised, killed)
    for job in (raised, killed):
        job.rank = 4
        queue.enter(job)
    killed.state = Killed(1.0)
    assert [job.id for job in queue.waiting()] == [2, 1]
    assert take_all(queue) == [2, 1]
    queue.put_back(raised)
    queue.append([ranked(5, 4)], 5, "ann", 4)
    assert take_all(queue) == [2, 5]


def test_a_job_raised_while_it_is_set_aside_is_there_once() -> None:
    wide = ranked(1, 0, cores=8)
    queue = entered(wide, ranked(2, 0))
    queue.fit(4)
    assert take_all(queue) == [2]
    wide.rank = 3
    queue.enter(wide)
    assert [job.id for job in queue.waiting()] == [1]
    queue.enter(ranked(3, 2))
    queue.fit(8)
    assert take_all(queue, 8) == [1, 3]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("ab"), st.integers(1, 4)), max_size=20),
    st.integers(4, 9),
)
def test_every_job_is_taken_once_and_no_take_exceeds_the_cores(
    jobs: list[tuple[int, str, int]], cores: int
) -> None:
    queue = a_queue(*(a_job(i, owner, priority=p, cores=c) for i, (p, owner, c) in enumerate(jobs)))
    taken: list[JobActor] = []
    while batch := queue.take(lambda rank: cores, 4, {}):
        assert sum(job.spec.cores for job in batch) <= cores
        taken += batch
    assert sorted(job.id for job in taken) == list(range(len(jobs)))
    assert [job.spec.priority for job in taken] == sorted(job.spec.priority for job in taken)
    assert queue.is_empty()


def test_without_room_for_the_first_a_less_urgent_job_that_others_wait_for_goes() -> None:
    queue = JobQueue()
    first, nested = a_job(1), a_job(2, priority=9)
    nested.rank = 1
    queue.enter(first)
    queue.enter(nested)
    rooms = {0: 0, 1: 1}
    assert queue.take(rooms.__getitem__, 1, {}) == [nested]
    assert queue.take(rooms.__getitem__, 1, {}) == []
    assert list(queue.waiting()) == [first]
