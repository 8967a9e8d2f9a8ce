"""`python -m picloud_master`, as a process."""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picloud.protocol.jobs import JobSpec
from picloud.remote import connected_session
from picloud.submissions import Spec
from tests.support.processes import DEADLINE, Place, read_line

TOKEN = {"PICLOUD_API_SECRETKEY": "s3cret"}
MASTER = ("-m", "picloud_master")


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextlib.contextmanager
def up(
    place: Place, *arguments: str, env: dict[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A master that is up, and its address."""
    reading, writing = os.pipe()
    env = env or place.environment(**TOKEN)
    command = (*MASTER, "--port", "0", "--ready-fd", str(writing), *arguments)
    with (
        open(reading) as ready,
        place.started(*command, env=env, pass_fds=(writing,)) as program,
    ):
        os.close(writing)
        yield program, read_line(ready)


def health(url: str, token: str = "s3cret") -> int:
    """The HTTP status of the page that says that it is up."""
    request = urllib.request.Request(f"{url}/health", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return int(answer.status)


def test_the_help_names_the_variable_of_the_token(place: Place) -> None:
    done = place.run(*MASTER, "--help")
    assert done.returncode == 0
    assert "PICLOUD_API_SECRETKEY" in done.stdout
    assert "python -m picloud_worker URL" in done.stdout


@pytest.mark.parametrize("port", ["-1", "65536", "99999999999", "http", ""])
def test_a_port_that_is_none_is_refused(place: Place, port: str) -> None:
    done = place.run(*MASTER, f"--port={port}", env=place.environment(**TOKEN))
    assert done.returncode == 2
    assert "port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "no.such.host.invalid"])
def test_where_it_cannot_listen_it_says_so(place: Place, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = place.run(*MASTER, "--host", host, "--port", port, env=place.environment(**TOKEN))
    assert done.returncode == 1
    assert f"cannot listen on {host}:{port}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_it_tells_where_it_is_once_it_is_up(place: Place) -> None:
    with up(place) as (program, url):
        assert health(url) == 200
        assert program.stdout is not None
        assert read_line(program.stdout) == f"PiCloud master at {url}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(place: Place, number: signal.Signals) -> None:
    with up(place) as (program, url):
        health(url)
        program.send_signal(number)
        out, err = program.communicate(timeout=DEADLINE)
        assert program.returncode == 0
        assert "Traceback" not in out + err
    place.wait_clean()


def test_its_port_is_free_again_when_it_has_ended(place: Place) -> None:
    with up(place) as (program, url):
        program.send_signal(signal.SIGTERM)
        program.wait(DEADLINE)
    port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_without_a_token_it_makes_one_up_and_prints_it(place: Place) -> None:
    with place.started(*MASTER, "--port", "0") as program:
        assert program.stdout is not None
        name, _, token = read_line(program.stdout).removeprefix("export ").partition("=")
        url = read_line(program.stdout).removeprefix("PiCloud master at ")
        assert name == "PICLOUD_API_SECRETKEY"
        assert len(token) >= 20
        assert health(url, token) == 200


def test_hostile_pickles_pass_through_it_untouched(place: Place) -> None:
    marker = place.work / "marker"
    bomb = pickle.dumps(Bomb(str(marker)))
    with up(place) as (program, url), connected_session(url, "s3cret") as session:
        client = session._client
        assert client is not None
        hostile = Spec(JobSpec("bomb", "3.11"), bomb)
        jids = client.submissions.submit_many(hostile, [bomb] * 3)
        assert session.status(jids) == ["queued"] * 3
        assert session.info(jids)[jids[0]]["arguments_size"] == len(bomb)
        session.kill(jids)
        session.delete(jids)
        assert program.poll() is None
    assert not marker.exists()


def test_it_ends_rather_than_unpickle(place: Place) -> None:
    program = """\
from picloud_master.guard import forbid_unpickling
import pickle, collections
forbid_unpickling()
print(pickle.loads(pickle.dumps([1, "plain"])), flush=True)
pickle.loads(pickle.dumps(collections.OrderedDict()))
print("not reached")
"""
    done = place.run("-c", program)
    assert (done.returncode, done.stdout) == (70, "[1, 'plain']\n")
    assert "must not unpickle" in done.stderr


def test_where_it_can_keep_nothing_it_says_so(place: Place) -> None:
    blocked = place.work / "a file"
    blocked.write_text("")
    environment = place.environment(**TOKEN, PICLOUD_STATE_DIR=str(blocked))
    done = place.run(*MASTER, "--port", "0", env=environment)
    assert done.returncode == 1
    assert "cannot keep large data: " in done.stderr
    assert "Traceback" not in done.stderr


def test_its_store_is_gone_when_it_has_ended(place: Place) -> None:
    state = place.work / "state"
    with up(place, env=place.environment(**TOKEN, PICLOUD_STATE_DIR=str(state))) as (program, _):
        assert list(state.glob("blobs-*"))
        program.send_signal(signal.SIGTERM)
        program.wait(DEADLINE)
    assert list(state.glob("blobs-*")) == []
