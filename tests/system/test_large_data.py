"""Large arguments, results and functions, through real masters, workers and stores."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picloud import errors
from picloud.session import Session
from tests.support.processes import Place, read_line, until
from tests.support.served import Served

MB = 1 << 20
PATIENCE = 60.0


def array(megabytes: int, first: int = 0) -> "np.ndarray[Any, Any]":
    made = np.arange(megabytes * MB // 8)
    made[0] = first
    return made


# ---------------------------------------------------------------------- values


def test_an_array_goes_and_comes_back(cloud: Session) -> None:
    sent = array(70)
    back = cloud.result(cloud.call(lambda a: a[::-1].copy(), sent), PATIENCE)
    assert np.array_equal(back, sent[::-1])


def test_bytes_go_and_come_back(cloud: Session) -> None:
    sent = os.urandom(MB) * 70
    back = cloud.result(cloud.call(lambda data: data[::-1], sent), PATIENCE)
    is_equal = back == sent[::-1]
    assert is_equal


def test_a_large_text_goes_and_comes_back(cloud: Session) -> None:
    back = cloud.result(cloud.call(str.upper, "ä" * MB), PATIENCE)
    is_equal = back == "Ä" * MB
    assert is_equal


def test_containers_of_all_kinds_go_and_come_back(cloud: Session) -> None:
    def changed(parts: dict[str, Any]) -> dict[str, Any]:
        parts["array"][0] = 1
        return {**parts, "text": parts["text"].upper(), "more": [parts["array"], parts["bytes"]]}

    sent = {"array": bytearray(MB), "bytes": b"x" * MB, "text": "ascii" * MB}
    back = cloud.result(cloud.call(changed, sent), PATIENCE)
    assert sent["array"] == bytearray(MB)
    assert back["array"] == b"\1" + bytes(MB - 1)
    assert back["more"][0] is back["array"]
    is_equal = (back["bytes"], back["text"]) == (b"x" * MB, "ASCII" * MB)
    assert is_equal


def test_a_captured_file_is_read_from_the_same_place_by_all_jobs(
    cloud: Session, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("first\nsecond\n")
    with open(tmp_path / "file") as file:
        file.readline()
        jobs = cloud.map(lambda _: file.readline(), range(20))
    assert cloud.result(jobs, PATIENCE) == ["second\n"] * 20


def test_a_job_may_write_to_its_argument_and_others_do_not_see_it(cloud: Session) -> None:
    def add_one(a: Any) -> int:
        a += 1
        return int(a[0])

    shared = array(4, 41)
    assert cloud.result(cloud.map(add_one, [shared] * 6), PATIENCE) == [42] * 6
    assert shared[0] == 41


def test_an_argument_that_a_job_keeps_never_changes(cloud: Session) -> None:
    def keep(a: Any) -> int:
        import builtins

        kept = getattr(builtins, "kept_of_test", None)
        builtins.kept_of_test = a if kept is None else kept  # type: ignore[attr-defined]
        return int(builtins.kept_of_test[-1] - builtins.kept_of_test[1])  # type: ignore[attr-defined]

    expected = MB // 8 * 4 - 2
    for n in range(40):  # each new one could be written over an older one
        sent = array(4, n)
        assert cloud.result(cloud.call(keep, sent), PATIENCE) == expected


def test_a_function_that_has_captured_an_array_works(cloud: Session) -> None:
    data = array(5)
    results = cloud.result(cloud.map(lambda n: int(data[n]), range(1, 200)), PATIENCE)
    assert results == list(range(1, 200))


def test_an_exception_with_large_arguments_comes_back(cloud: Session) -> None:
    def fail(a: Any) -> None:
        raise ValueError("too much", len(a))

    with pytest.raises(ValueError, match="too much"):
        cloud.result(cloud.call(fail, array(3)), PATIENCE)


def test_results_are_read_again_and_by_every_verb(cloud: Session) -> None:
    jobs = cloud.map(lambda n: array(2, n), [3, 4, 5])
    assert [int(each[0]) for each in cloud.result(jobs, PATIENCE)] == [3, 4, 5]
    assert [int(each[0]) for each in cloud.iresult(jobs, PATIENCE)] == [3, 4, 5]
    ended = [int(cloud.result(job)[0]) for job in cloud.as_completed(jobs, PATIENCE)]
    assert sorted(ended) == [3, 4, 5]
    assert int(jobs[0].future().result(PATIENCE)[0]) == 3


async def test_the_twins_do_so_too(cloud: Session) -> None:
    jobs = await cloud.amap(lambda n: array(2, n), [3, 4])
    assert [int(each[0]) for each in await cloud.aresult(jobs, PATIENCE)] == [3, 4]
    assert [int(each[0]) async for each in cloud.airesult(jobs, PATIENCE)] == [3, 4]
    assert int((await (await cloud.acall(array, 2, 9)))[0]) == 9


def test_small_and_large_results_of_one_map_keep_their_order(cloud: Session) -> None:
    def of(n: int) -> Any:
        return np.full(MB, n) if n % 3 == 0 else n

    results = cloud.result(cloud.map(of, range(30)), PATIENCE)
    assert [int(np.max(each)) for each in results] == list(range(30))


# ---------------------------------------------------------------------- inside a job


def test_a_job_passes_large_things_on_and_reads_large_results(cloud: Session) -> None:
    def parent(a: Any) -> int:
        import picloud as cloud

        jobs = cloud.map(lambda x: x + 1, [a] * 3)
        return sum(int(each[0]) for each in cloud.result(jobs))

    assert cloud.result(cloud.call(parent, array(4, 1)), PATIENCE) == 6


def test_a_job_reads_the_large_result_that_it_depends_on(cloud: Session) -> None:
    def second(first: Any) -> int:
        import picloud as cloud

        return int(cloud.result(first)[0])

    first = cloud.call(array, 4, 7)
    assert cloud.result(cloud.call(second, first, _depends_on=first), PATIENCE) == 7


# ---------------------------------------------------------------------- once, and not for ever


def blobs_below(directory: Path) -> int:
    """How many blobs are in a store."""
    return len([each for each in directory.rglob("*") if len(each.name) == 48])


def test_one_object_for_a_thousand_jobs_is_one_blob(place: Place) -> None:
    served = Served(place.work)
    try:
        served.start_master()
        served.start_worker()
        with served.session() as cloud:
            data = os.urandom(MB)
            assert cloud.result(cloud.map(len, [data] * 1_000), PATIENCE) == [MB] * 1_000
            assert blobs_below(place.work) == 1  # of the master; the worker's are in memory
    finally:
        served.close()


PROGRAM = """
import picloud as cloud
assert cloud.result(cloud.call(len, bytes(5 << 20))) == 5 << 20
print(*cloud.current_session().blobs().directories, flush=True)
input()
"""


@pytest.mark.parametrize("is_killed", [False, True], ids=["ends", "is killed"])
def test_an_embedded_cloud_leaves_nothing_behind(place: Place, is_killed: bool) -> None:
    with place.started(place.script(PROGRAM), stdin=subprocess.PIPE) as program:
        directories = [Path(each) for each in read_line(program.stdout).split()]
        assert all(each.is_dir() for each in directories)
        if is_killed:
            program.kill()
        else:
            program.communicate("\n", timeout=PATIENCE)
        until(lambda: not any(map(Path.exists, directories)), "the store is gone")


def rss(pid: int) -> int:
    """Megabytes of memory that a process has to itself, or shares."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) >> 10


@pytest.mark.timeout(600)  # 2 GiB, on a disk that others may use
def test_a_master_keeps_results_on_disk_until_they_are_read(place: Place) -> None:
    served = Served(place.work)
    try:
        served.start_master()
        served.start_worker()
        assert served.master is not None
        with served.session() as cloud:
            jobs = cloud.map(array, [64] * 32, range(32))
            cloud.join(jobs, 5 * PATIENCE)
            for n, result in enumerate(cloud.iresult(jobs, 5 * PATIENCE)):
                assert int(result[0]) == n
                cloud.status(jobs[0])  # a reader that also does something else
        assert rss(served.master.pid) < 100
    finally:
        served.close()


# ---------------------------------------------------------------------- what goes wrong


def test_a_job_whose_result_was_deleted_says_so(cloud: Session) -> None:
    job = cloud.call(array, 2)
    cloud.join(job, PATIENCE)
    cloud.delete(job)
    with pytest.raises(errors.AccessDenied):
        cloud.result(job)


def test_a_worker_that_dies_amid_a_transfer_costs_nothing(place: Place) -> None:
    served = Served(place.work)
    try:
        served.start_master()
        worker = served.start_worker()
        with served.session() as cloud:
            jobs = cloud.map(array, [60, 61, 62])
            until(lambda: set(cloud.status(jobs)) != {"queued"}, "they run")
            os.kill(worker.pid, signal.SIGKILL)
            served.start_worker()
            results = cloud.result(jobs, PATIENCE)
            assert [each.nbytes // MB for each in results] == [60, 61, 62]
    finally:
        served.close()


def test_an_account_that_has_used_up_its_share_is_told_so_and_others_go_on(place: Place) -> None:
    served = Served(place.work)
    try:
        served.start_master("--data-limit", "0.02")
        served.start_worker()
        with served.session() as cloud:
            first = cloud.call(array, 15)
            cloud.join(first, PATIENCE)
            with pytest.raises(errors.StorageFull, match="delete jobs whose results you have read"):
                cloud.call(len, os.urandom(10 * MB))
            with pytest.raises(errors.SerializationError, match="cannot be stored: the large data"):
                cloud.result(cloud.call(lambda: np.ones(10 * MB // 8)), PATIENCE)
            assert cloud.result(cloud.call(pow, 2, 3), PATIENCE) == 8
            assert cloud.result(first).nbytes == 15 * MB
            cloud.delete(first)
            assert cloud.result(cloud.call(len, os.urandom(10 * MB)), PATIENCE) == 10 * MB
    finally:
        served.close()


@pytest.mark.parametrize("chunksize", [1, 2])
def test_an_executor_maps_to_large_results(cloud: Session, chunksize: int) -> None:
    with cloud.executor() as executor:
        results = executor.map(lambda n: array(1, n), range(4), chunksize=chunksize)
        assert [int(each[0]) for each in results] == [0, 1, 2, 3]
