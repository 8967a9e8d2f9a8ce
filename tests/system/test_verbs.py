"""Every verb, end to end, in both spellings, with real processes behind it."""

import sys
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest

from picloud import errors
from picloud.job import ALL, JobMap
from picloud.session import Session
from tests.support.processes import open_gate, until

# A worker elsewhere does not have this module: its functions travel by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def wait_at(gate: str, answer: Any = None) -> Any:
    with open(gate) as reader:
        reader.read()
    return answer


def fail(text: str) -> None:
    raise ValueError(text)


def is_processing(cloud: Session, job: int) -> None:
    until(lambda: cloud.status(job) == "processing", f"job {job} runs")


# ---------------------------------------------------------------------- call and map


def test_a_call_gives_what_the_function_returns(cloud: Session) -> None:
    assert cloud.result(cloud.call(square, 12)) == 144


def test_a_call_passes_arguments_by_name(cloud: Session) -> None:
    job = cloud.call(lambda a, *rest, b=0, **more: (a, rest, b, more), 1, 2, 3, b=4, c=5)
    assert cloud.result(job) == (1, (2, 3), 4, {"c": 5})


def test_a_call_does_not_wait_for_the_job(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate, "late")
    open_gate(gate)  # had the call waited, nobody could
    assert job.result(20) == "late"


def test_arguments_are_copied_at_submission(cloud: Session) -> None:
    items = [1, 2]
    job = cloud.call(sum, items)
    items.append(1000)
    assert cloud.result(job) == 3


def test_a_map_of_nothing_is_an_empty_map(cloud: Session) -> None:
    jobs = cloud.map(square, [])
    assert isinstance(jobs, JobMap)
    assert len(jobs) == 0
    assert cloud.result(jobs) == []


def test_a_map_of_one_gives_a_list_of_one(cloud: Session) -> None:
    assert cloud.result(cloud.map(square, [7])) == [49]


def test_a_map_of_10000_comes_back_in_the_order_of_its_items(cloud: Session) -> None:
    jobs = cloud.map(square, range(10_000))
    assert len(jobs) == 10_000
    assert cloud.result(jobs, 60) == [x * x for x in range(10_000)]


def test_a_map_of_several_iterables_stops_at_the_shortest(cloud: Session) -> None:
    jobs = cloud.map(lambda a, b, c: (a, b, c), range(5), "abc", iter([10, 20, 30, 40]))
    assert cloud.result(jobs) == [(0, "a", 10), (1, "b", 20), (2, "c", 30)]


def test_jobs_of_a_lazy_map_start_while_its_input_is_read(cloud: Session, tmp_path: Any) -> None:
    seen = tmp_path / "seen"

    def items() -> Iterator[str]:
        for _ in range(2_000):
            yield str(seen)
        until(seen.exists, "a job of this map has run before the map has read its input")
        yield str(seen)

    jobs = cloud.map(lambda path: open(path, "a").close(), items())
    assert len(jobs) == 2_001
    cloud.join(jobs, 60)


def test_an_iterable_that_raises_ends_the_map_with_its_error(cloud: Session) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the input is broken")

    with pytest.raises(LookupError, match="the input is broken"):
        cloud.map(square, items())
    assert cloud.result(cloud.call(square, 3)) == 9


async def test_verbs_have_twins_for_asyncio(cloud: Session) -> None:
    job = await cloud.acall(square, 5)
    jobs = await cloud.amap(square, range(100))
    assert await cloud.aresult(job) == 25
    assert await cloud.aresult(jobs) == [x * x for x in range(100)]
    assert [value async for value in cloud.airesult(jobs)] == [x * x for x in range(100)]
    assert sorted([each async for each in cloud.aas_completed(jobs)]) == list(jobs)
    await cloud.ajoin(jobs)
    assert await cloud.astatus(jobs) == ["done"] * 100
    assert (await cloud.ainfo(job))[job]["status"] == "done"
    assert "done" in await cloud.awhy(job)
    await cloud.akill(jobs)
    await cloud.adelete(jobs)
    assert await job == 25


def test_a_coroutine_function_is_awaited_by_the_interpreter(cloud: Session) -> None:
    async def double(x: int) -> int:
        import asyncio

        await asyncio.sleep(0)
        return 2 * x

    assert cloud.result(cloud.map(double, range(5))) == [0, 2, 4, 6, 8]


# ---------------------------------------------------------------------- results


def test_a_mixed_list_of_jobs_gives_one_flat_list(cloud: Session) -> None:
    job, jobs = cloud.call(square, 2), cloud.map(square, [3, 4])
    assert cloud.result([job, jobs, int(job)]) == [4, 9, 16, 4]


def test_result_fails_fast_with_the_first_failure(cloud: Session, gate: str) -> None:
    slow, bad = cloud.call(wait_at, gate), cloud.call(fail, "at once")
    with pytest.raises(ValueError, match="at once") as caught:
        cloud.result([slow, bad])
    assert isinstance(caught.value, errors.JobError)
    assert caught.value.jid == bad
    open_gate(gate)
    cloud.join(slow)


def test_ignore_errors_puts_the_exception_in_the_failed_place(cloud: Session) -> None:
    jobs = [cloud.call(square, 2), cloud.call(fail, "in the middle"), cloud.call(square, 4)]
    first, error, last = cloud.result(jobs, ignore_errors=True)
    assert (first, last) == (4, 16)
    assert isinstance(error, ValueError)
    assert isinstance(error, errors.JobError)


def test_iresult_raises_at_the_failed_place_and_goes_on(cloud: Session) -> None:
    jobs = [cloud.call(square, 2), cloud.call(fail, "second"), cloud.call(square, 4)]
    results = cloud.iresult(jobs)
    assert next(results) == 4
    with pytest.raises(ValueError, match="second"):
        next(results)
    assert list(results) == [16]


def test_iresult_gives_early_results_before_late_jobs_end(cloud: Session, gate: str) -> None:
    results = cloud.iresult([cloud.call(square, 3), cloud.call(wait_at, gate, "last")])
    assert next(results) == 9
    open_gate(gate)
    assert next(results) == "last"


def test_iresult_of_many_keeps_their_order(cloud: Session) -> None:
    assert list(cloud.iresult(cloud.map(square, range(5_000)))) == [x * x for x in range(5_000)]


def test_as_completed_gives_jobs_in_the_order_of_their_ends(cloud: Session, gate: str) -> None:
    late, early = cloud.call(wait_at, gate), cloud.call(square, 1)
    completed = cloud.as_completed([late, early])
    assert next(completed) == early
    open_gate(gate)
    assert list(completed) == [late]


def test_as_completed_gives_failed_jobs_too(cloud: Session) -> None:
    jobs = [cloud.call(fail, "x"), cloud.call(square, 1)]
    assert sorted(cloud.as_completed(jobs)) == sorted(jobs)


def test_a_wait_that_is_too_long_says_why_the_job_has_not_finished(
    cloud: Session, gate: str
) -> None:
    job = cloud.call(wait_at, gate)
    is_processing(cloud, job)
    for wait in (cloud.result, cloud.join, lambda *how: list(cloud.as_completed(*how))):
        with pytest.raises(errors.CloudTimeoutError, match=f"job {job} has been running on"):
            wait([job], 0.05)
    with pytest.raises(TimeoutError, match=f"job {job} has been running on"):
        next(cloud.iresult([job], 0.05))
    open_gate(gate)
    assert cloud.result(job, 20) is None


def test_a_timeout_of_zero_gives_what_is_there(cloud: Session) -> None:
    job = cloud.call(square, 6)
    cloud.join(job)
    assert cloud.result(job, timeout=0) == 36
    assert list(cloud.as_completed([job], timeout=0)) == [job]


def test_join_raises_the_first_failure_unless_told_to_ignore_it(cloud: Session) -> None:
    job = cloud.call(fail, "joined")
    with pytest.raises(ValueError, match="joined"):
        cloud.join(job)
    cloud.join(job, ignore_errors=True)


# ---------------------------------------------------------------------- status, info, why


def test_status_is_a_word_for_one_job_and_a_list_for_many(cloud: Session) -> None:
    good, bad = cloud.call(square, 1), cloud.call(fail, "x")
    cloud.join([good, bad], ignore_errors=True)
    assert cloud.status(good) == "done"
    assert cloud.status([good, bad]) == ["done", "error"]
    assert cloud.status([]) == []


def test_a_job_behind_busy_cores_is_queued_and_why_says_so(cloud: Session, gate: str) -> None:
    busy = [cloud.call(wait_at, gate), cloud.call(wait_at, gate)]
    for each in busy:
        is_processing(cloud, each)
    waiting = cloud.call(square, 1)
    assert cloud.status(waiting) == "queued"
    why = cloud.why(waiting)
    assert "busy" in why or "is queued at" in why
    cloud.kill(busy)
    assert cloud.result(waiting, 20) == 1


def test_what_a_running_job_has_printed_can_be_read(cloud: Session, gate: str) -> None:
    def speak(gate: str) -> None:
        import logging

        print("said and not flushed", flush=True)
        print("to stderr", file=sys.stderr)
        logging.getLogger("speaker").warning("logged")
        with open(gate) as reader:
            reader.read()
        print("said afterwards")

    def told() -> bool:
        info = cloud.info(job)[job]
        return "to stderr" in info["stderr"] and "logged" in info["logging"]

    job = cloud.call(speak, gate)
    until(told, "the output of the running job is there")
    assert cloud.info(job)[job]["stdout"] == "said and not flushed\n"
    assert cloud.status(job) == "processing"
    open_gate(gate)
    cloud.join(job, 20)
    assert cloud.info(job)[job]["stdout"] == "said and not flushed\nsaid afterwards\n"


def test_info_has_the_fields_that_were_asked_for(cloud: Session) -> None:
    job = cloud.call(fail, "for info")
    cloud.join(job, ignore_errors=True)
    assert cloud.info(job, "status") == {job: {"status": "error"}}
    assert set(cloud.info(job, ["status", "runtime"])[job]) == {"status", "runtime"}
    assert "for info" in cloud.info(job)[job]["exception"]


def test_info_of_a_job_can_be_found_by_its_handle_and_by_its_number(cloud: Session) -> None:
    jobs = cloud.map(square, range(3))
    cloud.join(jobs)
    infos = cloud.info(jobs)
    assert infos[jobs[1]] is infos[int(jobs[1])]
    assert len(infos) == 3


# ---------------------------------------------------------------------- kill and delete


def test_a_queued_job_is_killed_and_never_runs(cloud: Session, gate: str, tmp_path: Any) -> None:
    busy = [cloud.call(wait_at, gate), cloud.call(wait_at, gate)]
    for each in busy:
        is_processing(cloud, each)
    mark = tmp_path / "ran"
    job = cloud.call(lambda: mark.touch())
    cloud.kill(job)
    assert cloud.status(job) == "killed"
    cloud.kill(busy)
    with pytest.raises(errors.JobKilled):
        cloud.result(job)
    assert cloud.result(cloud.call(square, 2)) == 4
    assert not mark.exists()


def test_a_running_job_is_killed(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    is_processing(cloud, job)
    cloud.kill(job)
    with pytest.raises(errors.JobKilled) as caught:
        cloud.result(job, 20)
    assert (caught.value.jid, caught.value.status) == (job, "killed")


def test_killing_nothing_kills_nothing(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    cloud.kill([])
    open_gate(gate)
    assert cloud.result(job, 20) is None


def test_a_finished_job_keeps_its_status_when_it_is_killed(cloud: Session) -> None:
    job = cloud.call(square, 9)
    cloud.join(job)
    cloud.kill(job)
    assert cloud.status(job) == "done"
    assert cloud.result(job) == 81


def test_killing_all_kills_whatever_has_not_finished(cloud: Session, gate: str) -> None:
    done = cloud.call(square, 1)
    cloud.join(done)
    jobs = cloud.map(wait_at, [gate] * 50)
    is_processing(cloud, jobs[0])
    cloud.kill(ALL)
    cloud.join(jobs, 20, ignore_errors=True)
    assert set(cloud.status(jobs)) == {"killed"}
    assert cloud.status(done) == "done"
    assert cloud.result(cloud.call(square, 2), 20) == 4


def test_a_deleted_job_is_unknown(cloud: Session) -> None:
    job = cloud.call(square, 1)
    cloud.join(job)
    cloud.delete(job)
    for verb in (cloud.result, cloud.status, cloud.info, cloud.kill, cloud.why, cloud.delete):
        with pytest.raises(errors.AccessDenied, match=str(int(job))):
            verb(job)


def test_an_unfinished_job_cannot_be_deleted(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    with pytest.raises(errors.CloudException, match="only finished jobs"):
        cloud.delete(job)
    open_gate(gate)
    assert cloud.result(job, 20) is None
