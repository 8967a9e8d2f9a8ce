"""Many files are compared with what they were."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from picloud.code.modules import many_files
from picloud.code.modules.many_files import ManyFiles, state_of


def rewrite(file: Path) -> None:
    """Write as much as there was, and set the time back."""
    before = file.stat().st_ctime_ns
    while file.stat().st_ctime_ns == before:  # clocks of file systems are coarse
        file.write_text("y")
        os.utime(file, ns=(5, 5))


CHANGES: dict[str, Callable[[Path], object]] = {
    "another size": lambda file: (file.write_text("longer"), os.utime(file, ns=(5, 5))),
    "another time": lambda file: os.utime(file, ns=(5, 6)),
    "another second": lambda file: os.utime(file, ns=(5, 10**9 + 5)),
    "a time before all times": lambda file: os.utime(file, ns=(5, -5)),
    "another file": lambda file: (
        file.with_name("new").write_text("x"),
        os.utime(file.with_name("new"), ns=(5, 5)),
        file.with_name("new").rename(file),
    ),
    "another content of the same size and time": rewrite,
    "none": lambda file: file.unlink(),
}


@pytest.fixture(params=["at once", "in turn"])
def files(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """Files, which are looked at in one way or the other."""
    if request.param == "in turn":
        monkeypatch.setattr(many_files, "_statx", lambda: None)
    made = [tmp_path / f"\xe4\udcff{number}.py" for number in range(20)]
    for file in made:
        file.write_text("x")
        os.utime(file, ns=(5, 5))
    return made


def seen(files: list[Path]) -> ManyFiles:
    """The files as they are now."""
    return ManyFiles({str(file): state_of(str(file)) for file in files})


@pytest.mark.parametrize("place", [0, 7, 19])
@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_seen(files: list[Path], name: str, place: int) -> None:
    many = seen(files)
    assert many.are_as_seen()
    CHANGES[name](files[place])
    assert not many.are_as_seen()


def test_files_from_before_all_times_are_seen(files: list[Path]) -> None:
    os.utime(files[3], ns=(5, -5))
    assert seen(files).are_as_seen()


def test_no_files_are_as_they_were() -> None:
    assert ManyFiles({}).are_as_seen()


def test_a_system_that_is_slow_keeps_nobody_waiting_again(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_files, "SLOW", -1.0)
    many = seen(files)
    for _ in range(3):
        assert many.are_as_seen()
    files[0].unlink()
    assert not many.are_as_seen()


def test_a_thread_that_computes_is_not_waited_for_at_each_file(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.py" for number in range(500)]
    for file in files:
        file.write_text("x")
    many = seen(files)
    ends = threading.Event()
    computed = 0

    def compute() -> None:
        nonlocal computed
        while not ends.is_set():
            sum(range(1000))
            computed += 1

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        meanwhile = []
        for _ in range(10):
            before = computed
            assert many.are_as_seen()
            meanwhile.append(computed - before)
    finally:
        ends.set()
        thread.join()
    # In one turn of Python's threads it computes some hundred times, in 500 turns 17,000 times.
    assert min(meanwhile) < 5_000
