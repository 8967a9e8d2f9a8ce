"""Why a job waits, and functions that are called at its end."""

import re
import sys
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud import errors
from picloud.job import Job
from picloud.local import embedded_session
from picloud.session import Session
from tests.support.processes import open_gate, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def wait_at(gate: str, answer: Any = None) -> Any:
    with open(gate) as reader:
        reader.read()
    return answer


def fail(text: str) -> None:
    raise ValueError(text)


def told(cloud: Session, job: Job) -> str:
    """Why a job waits, which every way of asking must say alike but for times."""

    def without_times(text: str) -> str:
        return " ".join(word for word in text.split() if not word.replace(".", "").isdigit())

    why = cloud.why(job)
    with pytest.raises(errors.CloudTimeoutError) as caught:
        cloud.result(job, 0.01)
    everywhere = [str(caught.value), str(cloud.info(job)[job]["why"]), job.why()]
    assert {without_times(each) for each in everywhere} == {without_times(why)}
    assert (caught.value.jid, caught.value.status) == (job, cloud.status(job))
    assert why.startswith(f"job {job} ")
    return why


# ---------------------------------------------------------------------- why


def test_a_running_job_says_where_and_for_how_long(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    until(lambda: cloud.status(job) == "processing", "it runs")
    assert "has been running on" in told(cloud, job)


def test_a_dependent_job_names_what_it_waits_for(cloud: Session, gate: str) -> None:
    first = cloud.call(wait_at, gate)
    second = cloud.call(square, 1, _depends_on=first)
    assert f"depends on job {first}, which has not finished" in told(cloud, second)
    many = cloud.map(square, range(1000), _depends_on=first)
    job = cloud.call(square, 1, _depends_on=many)
    why = told(cloud, job)
    assert "depends on 1000 jobs" in why
    assert len(why) < 200
    open_gate(gate)
    cloud.join([job, second], 20)


def test_a_job_behind_others_says_behind_how_many_and_for_how_long(gate: str) -> None:
    with embedded_session(2) as cloud:  # a new one, which sends nothing ahead to its worker
        running = [cloud.call(wait_at, gate, _timeout=500) for _ in range(2)]
        for each in running:
            until(lambda each=each: cloud.status(each) == "processing", "both cores are busy")
        line = cloud.map(square, range(7))
        last = cloud.call(square, 1, _priority=8)
        assert "all 2 cores of type 'c1' are busy; 7 jobs are ahead" in told(cloud, last)
        limit = r"a core is free in (500|49\d)\.\d s at the latest, by a time limit"
        assert re.search(limit, cloud.why(last))
        assert "all 2 cores of type 'c1' are busy; it is next" in told(cloud, line[0])
        cloud.kill(running)
        cloud.join([line, last], 20)


def test_a_wide_job_and_those_behind_it_say_what_is_busy(gate: str) -> None:
    with embedded_session(2) as cloud:
        running = cloud.call(wait_at, gate)
        until(lambda: cloud.status(running) == "processing", "one core is busy")
        wide, narrow = cloud.call(square, 1, _cores=2), cloud.call(square, 1)
        busy = "1 of 2 cores of type 'c1' is busy"
        assert f"{busy}; it is next, and needs 1 more of one worker" in told(cloud, wide)
        assert f"{busy}; a job ahead needs 2 cores of one worker" in told(cloud, narrow)
        open_gate(gate)
        assert cloud.result([wide, narrow], 20) == [1, 1]


def test_a_job_at_a_busy_worker_says_how_many_are_there(cloud: Session, gate: str) -> None:
    cloud.join(cloud.map(square, range(1_000)))  # from now on short jobs are sent ahead
    running = cloud.map(wait_at, [gate, gate])
    until(lambda: set(cloud.status(running)) == {"processing"}, "both cores are busy")
    why = cloud.why(cloud.map(square, range(7))[6])
    assert "jobs are there for 2 cores" in why or "all 2 cores" in why
    cloud.kill(running)


def test_a_job_that_waits_for_jobs_names_them(cloud: Session, gate: str) -> None:
    def parent(path: str) -> int:
        return int(picloud.result(picloud.call(wait_at, path, 3)))

    job = cloud.call(parent, gate)
    until(lambda: "waits for job" in cloud.why(job), "it sleeps")
    why = told(cloud, job)
    child = int(why.split("waits for job ")[1].split(";")[0])
    assert cloud.info(job, "children")[job]["children"] == 1
    assert cloud.info(child, "parent")[child]["parent"] == job
    assert cloud.status(job) == "processing"
    open_gate(gate)
    assert cloud.result(job, 20) == 3


def test_a_job_that_no_worker_fits_says_so(served_cloud: Served) -> None:
    cloud = served_cloud.session()
    job = cloud.call(square, 1, _cores=64)
    assert "no worker has 64 cores of type 'c1'; most is 2" in told(cloud, job)
    cloud.kill(job)


def test_a_job_without_any_worker_says_so(tmp_path: Path) -> None:
    served = Served(tmp_path)
    try:
        served.start_master()
        cloud = served.session()
        assert "no worker is connected" in told(cloud, cloud.call(square, 1))
    finally:
        served.close()


def test_an_impossible_request_fails_at_submission_on_an_embedded_cloud() -> None:
    with embedded_session(core_types={"c1": 2}) as session:
        for options in ({"_cores": 3}, {"_type": "m1"}):
            with pytest.raises(ValueError, match="no worker of this cloud can ever run"):
                session.call(square, 1, **options)
            with pytest.raises(ValueError, match="no worker of this cloud can ever run"):
                session.map(square, [1], **options)
        assert session.result(session.call(square, 2, _cores=2), 20) == 4


def test_an_impossible_request_of_a_job_of_an_embedded_cloud_fails_in_that_job() -> None:
    def ask() -> tuple[str, int]:
        try:
            picloud.call(square, 1, _cores=3)
        except ValueError as error:
            return str(error), picloud.result(picloud.call(square, 2, _cores=2))
        raise AssertionError("the impossible was accepted")

    with embedded_session(core_types={"c1": 2}) as session:
        text, four = session.result(session.call(ask), 20)
    assert "3 cores of type c1: it has at most 2" in text
    assert four == 4


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda cloud: cloud.call(square, 1), "done"),
        (lambda cloud: cloud.call(fail, "x"), "error"),
        (lambda cloud: cloud.call(square, 1, _depends_on=cloud.call(fail, "x")), "stalled"),
    ],
    ids=["done", "error", "stalled"],
)
def test_a_finished_job_waits_for_nothing(cloud: Session, make: Any, says: str) -> None:
    job = make(cloud)
    cloud.join(job, 20, ignore_errors=True)
    assert f"job {job} has finished: {says}" in cloud.why(job)
    assert cloud.info(job)[job]["why"] is None


def test_every_verb_that_waits_in_vain_says_why(cloud: Session, gate: str) -> None:
    job = cloud.call(wait_at, gate)
    dependent = cloud.call(square, 1, _depends_on=job)
    for wait in (
        lambda: cloud.result(dependent, 0.01),
        lambda: cloud.join([dependent], 0.01),
        lambda: next(cloud.iresult([dependent], 0.01)),
        lambda: next(cloud.as_completed([dependent], 0.01)),
        lambda: dependent.result(0.01),
    ):
        with pytest.raises(errors.CloudTimeoutError, match=f"depends on job {job}"):
            wait()
    open_gate(gate)


# ---------------------------------------------------------------------- callbacks


def test_callbacks_are_called_with_the_job_by_how_it_ended(cloud: Session) -> None:
    called: list[tuple[str, int]] = []
    done = threading.Semaphore(0)

    def good(job: Any) -> None:
        called.append(("good", job))
        done.release()

    def bad(job: Any) -> None:
        called.append(("bad", job))
        done.release()

    how = {"_callback": good, "_callback_on_error": bad}
    fine, wrong = cloud.call(square, 2, **how), cloud.call(fail, "x", **how)
    many = cloud.map(square, range(50), **how)
    for _ in range(52):
        assert done.acquire(timeout=20)
    assert sorted(called) == sorted(
        [("good", fine), ("bad", wrong), *(("good", job) for job in many)]
    )


def test_several_callbacks_are_called_each(cloud: Session) -> None:
    called: list[str] = []
    done = threading.Event()
    job = cloud.call(
        square,
        2,
        _callback=[lambda job: called.append("a"), lambda job: called.append("b")],
    )
    later = cloud.call(square, 2, _callback=lambda job: done.set(), _depends_on=job)
    assert done.wait(20)
    assert cloud.status(later) == "done"
    assert called == ["a", "b"]


def test_a_callback_that_raises_harms_nothing(
    cloud: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    done = threading.Event()

    def rude(job: Any) -> None:
        raise LookupError("from a callback")

    job = cloud.call(square, 2, _callback=rude)
    cloud.call(square, 3, _callback=lambda job: done.set(), _depends_on=job)
    assert done.wait(20)
    assert cloud.result(job, 20) == 4


def test_a_callback_may_use_the_cloud(cloud: Session) -> None:
    results: list[int] = []
    done = threading.Event()

    def go_on(job: Job) -> None:
        results.append(cloud.result(job) + cloud.result(cloud.call(square, 5)))
        done.set()

    cloud.call(square, 2, _callback=go_on)
    assert done.wait(20)
    assert results == [29]


def test_killed_and_stalled_jobs_call_back_as_errors(cloud: Session, gate: str) -> None:
    ended: list[str] = []
    done = threading.Semaphore(0)

    def note(job: Job) -> None:
        ended.append(cloud.status(job))
        done.release()

    job = cloud.call(wait_at, gate, _callback_on_error=note)
    cloud.call(square, 1, _depends_on=job, _callback_on_error=note)
    cloud.kill(job)
    assert done.acquire(timeout=20)
    assert done.acquire(timeout=20)
    assert sorted(ended) == ["killed", "stalled"]


def test_a_callback_that_is_no_function_is_refused(cloud: Session) -> None:
    for nonsense in ("print", 3, [print, 3]):
        with pytest.raises(TypeError, match="callback"):
            cloud.call(square, 1, _callback=nonsense)
