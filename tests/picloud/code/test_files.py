"""Files that travel."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from picloud.code import values

TEXT = "first\nzweite Zeile: ä\nthird\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def arrived(file: Any) -> Any:
    return values.loads(values.dumps(file))


def test_a_text_file_arrives_with_its_name_at_its_position(path: Path) -> None:
    with open(path, encoding="utf-8") as file:
        file.readline()
        copy = arrived(file)
        assert (copy.name, copy.mode, copy.encoding) == (str(path), "r", "utf-8")
        assert copy.read() == TEXT[6:]
        assert file.read() == TEXT[6:]  # its own position is where it was


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_binary_file_does_too(path: Path, buffering: int) -> None:
    with open(path, "rb", buffering) as file:
        file.seek(3)
        copy = arrived(file)
        assert (copy.name, copy.mode) == (str(path), "rb")
        assert copy.read() == TEXT.encode()[3:]
        assert copy.seek(0) == 0
        assert copy.read() == TEXT.encode()


def test_what_it_is_in_stays(path: Path) -> None:
    with open(path, "rb") as file:
        copy = arrived({"deep": [file]})
        assert copy["deep"][0].read() == TEXT.encode()


def test_the_same_file_twice_arrives_as_one(path: Path) -> None:
    with open(path, "rb") as file:
        first, second = arrived((file, file))
        assert first is second


def test_a_deleted_file_that_is_still_open_travels(path: Path) -> None:
    with open(path, encoding="utf-8") as file:
        path.unlink()
        assert arrived(file).read() == TEXT


def test_the_streams_of_the_program_are_those_of_the_job() -> None:
    assert arrived(sys.__stdout__) is sys.stdout
    assert arrived(sys.__stderr__) is sys.stderr


def test_a_device_is_no_file() -> None:
    with (
        open(os.devnull) as file,
        pytest.raises(values.Unpicklable, match="no file on a disk"),
    ):
        values.dumps(file)


def test_a_file_in_memory_travels_on() -> None:
    file = io.BytesIO(b"bytes")
    file.read(2)
    assert arrived(arrived(file)).read() == b"tes"
