from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test looks at, or leaves anything in, the user's own state directory."""
    monkeypatch.setenv("PICLOUD_STATE_DIR", str(tmp_path))
