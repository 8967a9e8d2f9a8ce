"""`python -m picloud_worker`, as a process, with a real master or none."""

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from tests.support.processes import DEADLINE, Place, read_line, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])

WORKER = ("-m", "picloud_worker")
TOKEN = {"PICLOUD_API_SECRETKEY": "s3cret"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "served"
    root.mkdir()
    made = Served(root)
    made.start_master()
    yield made
    made.close()


def state_of(place: Place) -> list[str]:
    """What workers have in the state directory."""
    return [path.name for path in place.state.glob("worker-*")]


def test_the_help_names_the_variable_of_the_token(place: Place) -> None:
    done = place.run(*WORKER, "--help")
    assert done.returncode == 0
    assert "PICLOUD_API_SECRETKEY" in done.stdout


def test_without_a_token_it_does_not_start(place: Place) -> None:
    done = place.run(*WORKER, "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "PICLOUD_API_SECRETKEY" in done.stderr
    assert state_of(place) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://127.0.0.1:1", "--cores", "0"],
        ["http://127.0.0.1:1", "--cores", "many"],
        ["http://127.0.0.1:1", "--core-types", "c1,z9"],
        ["http://127.0.0.1:1", "--core-types", ""],
        ["nonsense"],
        ["ftp://127.0.0.1:1"],
    ],
)
def test_arguments_that_make_no_worker_are_refused(place: Place, arguments: list[str]) -> None:
    done = place.run(*WORKER, *arguments, env=place.environment(**TOKEN))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_wrong_token_ends_it(served: Served, place: Place) -> None:
    done = place.run(*WORKER, served.url, env=place.environment(**TOKEN))
    assert done.returncode == 1
    assert "401" in done.stderr
    assert "Traceback" not in done.stderr
    assert state_of(place) == []


def test_a_master_out_of_reach_is_tried_again_until_a_signal(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with place.started(*WORKER, url, env=place.environment(**TOKEN)) as program:
            assert program.stderr is not None
            for _ in range(2):
                assert "cannot connect to" in read_line(program.stderr)
            program.send_signal(signal.SIGTERM)
            _, err = program.communicate(timeout=DEADLINE)
            assert program.returncode == 0
            assert "Traceback" not in err
    place.wait_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_serving_worker_and_leaves_nothing(
    served: Served, number: signal.Signals
) -> None:
    worker = served.start_worker(1)
    assert len(state_of(served.place)) == 1
    worker.send_signal(number)
    assert worker.wait(DEADLINE) == 0
    assert state_of(served.place) == []
    assert "Traceback" not in served.log()
    assert "exception was never retrieved" not in served.log()


def test_a_lost_master_is_sought_until_it_is_back(served: Served) -> None:
    worker = served.start_worker(1)
    served.kill_master()
    until(lambda: "the link to the master is over" in served.log(), "the loss is noticed")
    served.start_master()
    until(lambda: served.log().count("works for the master") == 2, "it is back")
    assert worker.poll() is None
    assert len(state_of(served.place)) == 1
    assert "Traceback" not in served.log()


def test_a_master_in_good_order_leaves_no_worker_hanging(served: Served) -> None:
    served.start_worker(1)
    assert served.master is not None
    served.master.send_signal(signal.SIGTERM)
    assert served.master.wait(DEADLINE) == 0
    assert "Traceback" not in served.log()


def test_what_a_killed_worker_left_is_cleared_away_by_the_next(served: Served) -> None:
    served.kill_worker(served.start_worker(1))
    assert len(state_of(served.place)) == 1
    worker = served.start_worker(1)
    assert len(state_of(served.place)) == 1
    assert str(worker.pid) in state_of(served.place)[0]


def reverse(data: bytes) -> bytes:
    return data[::-1]


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended"])
def test_no_large_data_outlives_a_worker(served: Served, killed: bool) -> None:
    worker = served.start_worker(1)
    session = served.session()
    data = bytes(range(256)) * 8192
    assert session.result(session.call(reverse, data), DEADLINE) == data[::-1]
    assert served.place.stores_of(worker.pid) != []
    if killed:
        served.kill_worker(worker)
    else:
        worker.send_signal(signal.SIGTERM)
        worker.wait(DEADLINE)
    until(lambda: not served.place.stores_of(worker.pid), "its stores are gone")
