from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.picloud_master.api.peers import Served


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test looks at, or leaves anything in, the user's own state directory."""
    monkeypatch.setenv("PICLOUD_STATE_DIR", str(tmp_path))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A served master, and who may speak to it."""
    made = Served()
    await made.start()
    yield made
    await made.close()
