"""uv, as it is called here."""

import sys
import threading
from pathlib import Path

import pytest

from picloud.aio import installer
from picloud.aio.installer import Installer, InstallerError, find_uv
from tests.support.processes import children, until


def a_program(directory: Path, text: str) -> str:
    """A program that stands in uv's place on the path."""
    path = directory / "uv"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o700)
    return str(path)


def test_uv_is_found_by_its_package() -> None:
    found = find_uv()
    assert found is not None
    assert Installer().run(["--version"]).startswith("uv ")


def test_without_the_package_it_is_found_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_uv() is None
    with pytest.raises(InstallerError, match="not installed"):
        Installer().run(["--version"])
    program = a_program(tmp_path, "")
    assert find_uv() == program


def test_what_it_is_given_and_prints() -> None:
    run = Installer().run
    printed = run(["pip", "compile", "--no-header", "--python", sys.executable, "-"], "# nothing\n")
    assert printed == ""


def test_its_words_are_those_of_the_error() -> None:
    with pytest.raises(InstallerError, match="unexpected argument '--nonsense'"):
        Installer().run(["pip", "list", "--nonsense"])


def test_it_ends_when_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = a_program(tmp_path, "import signal\nsignal.pause()\n")
    monkeypatch.setattr(installer, "find_uv", lambda: program)
    running = Installer()
    errors: list[Exception] = []

    def run() -> None:
        try:
            running.run(["pip"])
        except InstallerError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    before = children(_own())
    thread.start()
    until(lambda: children(_own()) - before, "it runs")
    running.stop()
    thread.join(20)
    assert len(errors) == 1
    with pytest.raises(InstallerError, match="stopped"):
        running.run(["--version"])


def _own() -> int:
    import os

    return os.getpid()
