"""Sessions with the small master of `tests.support.fake_master`, and with jobs that are threads."""

from collections.abc import Iterator

import pytest

from picloud import inside
from picloud.session import Session
from tests.support.fake_master import FakeMaster
from tests.support.thread_worker import ThreadLine, ThreadWorker


@pytest.fixture
def master() -> FakeMaster:
    """A master in this process."""
    return FakeMaster()


@pytest.fixture
def session(master: FakeMaster) -> Iterator[Session]:
    """A session with it, closed after the test."""
    session = master.session()
    yield session
    session.close()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> ThreadWorker:
    """A worker of one core, whose line is the process's."""
    line = ThreadLine()
    monkeypatch.setattr(inside, "line", line)
    return ThreadWorker(line)


@pytest.fixture
def threads(worker: ThreadWorker) -> Iterator[Session]:
    """A client session with the cloud of this worker."""
    with worker.session() as session:
        yield session
