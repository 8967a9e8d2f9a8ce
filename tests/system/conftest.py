"""Clouds of real processes, a gate at which jobs wait for a test, a place where programs run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.job import ALL
from picloud.local import embedded_session
from picloud.session import Session
from tests.support import hand_overs
from tests.support.processes import Place
from tests.support.served import Served

KINDS = ("embedded", "served")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Embedded clouds keep their files here, and no variable selects a master."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICLOUD_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        for name in ("PICLOUD_URL", "PICLOUD_API_KEY", "PICLOUD_API_SECRETKEY"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _messages_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Embedded clouds hand messages over; nobody may change them, or put in what is no message."""
    with hand_overs.watched(monkeypatch) as faults:
        yield
    assert faults == []


@pytest.fixture(scope="module")
def served_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A master and a worker of two cores, for all tests of a module."""
    served = Served(tmp_path_factory.mktemp("served"))
    try:
        served.start_master()
        served.start_worker()
        yield served
    finally:
        served.close()


@pytest.fixture(scope="module", params=KINDS)
def cloud(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session with two cores behind it, for all tests of a module."""
    if request.param == "served":
        yield request.getfixturevalue("served_cloud").session()
        return
    with embedded_session(2) as session:
        yield session


@pytest.fixture(autouse=True)
def _nothing_runs_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that failed does not leave its jobs in the way of the next."""
    yield
    if "cloud" in request.fixturenames:
        request.getfixturevalue("cloud").kill(ALL)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Where programs run."""
    made = Place(tmp_path)
    yield made
    made.end_all()


@pytest.fixture
def gate(tmp_path: Path) -> str:
    """Path of a fifo: a job that opens it for reading waits until the test opens it for writing."""
    path = str(tmp_path / "gate")
    os.mkfifo(path)
    return path
