"""How jobs end that use the cloud, and what is left of them: children, processes, handles."""

import os
import subprocess
import sys
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud import errors
from picloud.local import embedded_session
from picloud.session import Session
from tests.support.processes import Place, is_alive, open_gate, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def wait_at(gate: str, answer: Any = None) -> Any:
    with open(gate) as reader:
        reader.read()
    return answer


def test_a_child_process_of_a_job_is_told_that_it_has_no_cloud(cloud: Session) -> None:
    def fork() -> str:
        import multiprocessing

        def child(sender: Any) -> None:
            try:
                picloud.call(square, 2)
            except Exception as error:  # noqa: BLE001 - it is what this looks at
                sender.send(f"{type(error).__name__}: {error}")
            else:
                sender.send("nothing")

        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(sender,))
        process.start()
        text = str(receiver.recv()) if receiver.poll(15) else "it hung"
        process.join()
        assert picloud.result(picloud.call(square, 2)) == 4  # the job itself is unharmed
        return text

    text = cloud.result(cloud.call(fork), 30)
    assert text.startswith("CloudException")
    assert "process" in text


def test_the_traceback_of_nested_jobs_shows_their_own_lines_only(cloud: Session) -> None:
    def nest(levels: int) -> int:
        if not levels:
            raise ValueError("deep down")
        return int(picloud.result(picloud.call(nest, levels - 1)))

    job = cloud.call(nest, 3)
    with pytest.raises(ValueError, match="deep down") as caught:
        cloud.result(job, 20)
    text = "\n".join(caught.value.__notes__)
    assert text.count("picloud.result(picloud.call(nest, levels - 1))") == 3
    assert text.count('raise ValueError("deep down")') == 1
    assert text.count("  File ") == 4


def test_an_error_of_the_cloud_that_a_job_passes_on_is_that_jobs_failure(cloud: Session) -> None:
    job = cloud.call(lambda: picloud.result(10**12))
    with pytest.raises(errors.AccessDenied) as caught:
        cloud.result(job, 20)
    assert isinstance(caught.value, errors.JobError)
    assert (caught.value.jid, caught.value.status) == (job, "error")


def test_children_go_on_when_the_job_that_made_them_has_ended(cloud: Session, gate: str) -> None:
    child = cloud.result(cloud.call(lambda path: picloud.call(wait_at, path, 8), gate), 20)
    open_gate(gate)
    assert cloud.result(child, 20) == 8


def test_a_killed_parent_ends_at_once_and_its_children_go_on(cloud: Session, gate: str) -> None:
    def parent(path: str) -> Any:
        return picloud.result(picloud.call(wait_at, path, 8))

    job = cloud.call(parent, gate)
    until(lambda: "waits for job" in cloud.why(job), "it sleeps")
    child = int(cloud.why(job).split("waits for job ")[1].split(";")[0])
    assert cloud.info(child)[child]["parent"] == job
    cloud.kill(job)
    with pytest.raises(errors.JobKilled):
        cloud.result(job, 20)
    assert cloud.status(child) == "processing"
    open_gate(gate)
    assert cloud.result(child, 20) == 8


def test_the_processes_of_a_killed_sleeper_are_gone(cloud: Session, gate: str) -> None:
    def parent(path: str) -> Any:
        print(os.getpid(), subprocess.Popen(["sleep", "1000"]).pid, flush=True)
        return picloud.result(picloud.call(wait_at, path, 8))

    job = cloud.call(parent, gate)
    until(lambda: "waits for job" in cloud.why(job), "it sleeps")
    pids = [int(pid) for pid in cloud.info(job)[job]["stdout"].split()]
    assert all(map(is_alive, pids))
    cloud.kill(job)
    until(lambda: not any(map(is_alive, pids)), "it and its child have ended", 5)
    open_gate(gate)


def test_a_run_time_limit_ends_a_job_that_sleeps(cloud: Session, gate: str) -> None:
    def parent(path: str) -> Any:
        return picloud.result(picloud.call(wait_at, path))

    with pytest.raises(errors.RuntimeLimitExceeded):
        cloud.result(cloud.call(parent, gate, _timeout=0.5), 20)


def test_a_handle_that_a_job_leaves_to_the_next_is_one_that_came_another_way() -> None:
    def leave() -> None:
        import builtins

        builtins.left = picloud.call(square, 3)  # type: ignore[attr-defined]

    def find() -> int:
        import builtins

        left = getattr(builtins, "left", None)  # another interpreter has none
        return 9 if left is None else int(left.result())

    with embedded_session(1) as session:
        session.result(session.call(leave), 20)
        assert session.result([session.call(find) for _ in range(5)], 20) == [9] * 5


def test_a_session_that_a_job_leaves_to_the_next_harms_neither() -> None:
    """As one does that is made at the top of a module which both import."""

    def use() -> Any:
        import builtins

        kept = getattr(builtins, "kept", None)  # another interpreter has none
        if kept is None:
            builtins.kept = kept = picloud.current_session()  # type: ignore[attr-defined]
            return kept.result(kept.call(square, 3))
        cube = picloud.call(lambda x: x**3, 3)  # its spec has the number of the kept one's
        texts = []
        for submit in (kept.call, kept.map):
            try:
                submit(square, [3])
            except errors.ConnectionLost as error:
                texts.append(error.message)
        return texts, picloud.result(cube)

    with embedded_session(1) as session:
        seen = [session.result(session.call(use), 20) for _ in range(6)]
    told = ["the job that this session belongs to has ended"] * 2
    assert all(each in (9, (told, 27)) for each in seen)
    assert (told, 27) in seen


def test_a_program_that_a_job_runs_is_told_that_it_has_no_cloud(cloud: Session) -> None:
    def run() -> tuple[int, str]:
        code = "import picloud; picloud.call(abs, 1)"
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        return done.returncode, done.stderr

    code, text = cloud.result(cloud.call(run), 30)
    assert code == 1
    assert "a process that a job has started cannot use the cloud" in text


def test_a_thread_that_outlives_its_job_is_told_so(cloud: Session, tmp_path: Any) -> None:
    told = tmp_path / "told"

    def leave(told: str) -> None:
        import sys
        import threading

        main = threading.get_ident()

        def doing(frame: Any) -> list[str]:
            return [frame.f_code.co_name, *doing(frame.f_back)] if frame else []

        def outlive() -> None:
            # It has 10 ms from when leftovers are looked for: too few to be told by this process.
            while "leftovers" not in doing(sys._current_frames()[main]):
                continue
            try:
                picloud.call(square, 1)
            except picloud.CloudException as error:
                text = str(error)
            else:
                text = "nothing"
            with open(told, "w") as file:
                file.write(text)

        threading.Thread(target=outlive).start()

    cloud.result(cloud.call(leave, str(told)), 20)
    until(lambda: told.exists() and told.read_text(), "it has tried")
    assert "the job has ended" in told.read_text()


def test_jobs_of_jobs_outlive_a_client_that_leaves(
    served_cloud: Served, place: Place, gate: str
) -> None:
    program = f"""\
import picloud as cloud
def wait(path):
    with open(path) as reader:
        reader.read()
    return 7
def parent(path):
    return cloud.result(cloud.call(wait, path)) + 1
print(int(cloud.call(parent, {gate!r})))
"""
    job = int(place.output(place.script(program), env=served_cloud.environment()))
    cloud = served_cloud.session()
    until(lambda: "waits for job" in cloud.why(job), "it sleeps")
    open_gate(gate)
    assert cloud.result(job, 20) == 8


def test_jobs_of_jobs_survive_the_death_of_their_worker(tmp_path: Any, gate: str) -> None:
    def parent(path: str) -> int:
        return int(picloud.result(picloud.call(wait_at, path, 4))) + 1

    served = Served(tmp_path)
    try:
        served.start_master()
        first = served.start_worker(1)
        cloud = served.session()
        job = cloud.call(parent, gate)
        until(lambda: "waits for job" in cloud.why(job), "it sleeps")
        served.kill_worker(first)
        served.start_worker(1)
        open_gate(gate)  # the first attempt's child is more urgent than the second attempt
        until(lambda: "waits for job" in cloud.why(job), "it sleeps again, with another child")
        open_gate(gate)
        assert cloud.result(job, 20) == 5
        assert cloud.info(job)[job]["attempts"] == 2
    finally:
        served.close()
