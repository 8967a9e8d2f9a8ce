"""Sessions with the small master of `tests.support.fake_master`."""

from collections.abc import Iterator

import pytest

from picloud.session import Session
from tests.support.fake_master import FakeMaster


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
