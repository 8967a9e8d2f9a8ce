"""Where processes of this user keep files."""

import os
from pathlib import Path

import pytest

from picloud.aio.places import socket_path, state_places


def test_the_chosen_directory_is_the_only_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_STATE_DIR", "/chosen")
    assert list(state_places()) == [Path("/chosen")]


def test_the_platform_place_comes_before_the_one_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PICLOUD_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    first, second = state_places()
    assert first == Path("/state/picloud")
    assert second.name == f"picloud-{os.getuid()}"


def test_a_socket_lies_in_a_directory_that_is_closed_to_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "state"
    monkeypatch.setenv("PICLOUD_STATE_DIR", str(place))
    assert socket_path(8000) == place / "master-8000.sock"
    assert place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o755)
    assert socket_path(8000) is None


def test_a_path_that_is_too_long_for_a_socket_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PICLOUD_STATE_DIR", str(tmp_path / ("x" * 120)))
    assert socket_path(8000) is None
