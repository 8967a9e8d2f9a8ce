"""Files that travel."""

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.code import files, values

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
        assert copy.peek(1) == TEXT.encode()[3:]
        assert copy.read() == TEXT.encode()[3:]
        assert copy.seek(0) == 0
        assert copy.read() == TEXT.encode()


@pytest.mark.parametrize("mode", ["rb", "r"])
def test_a_temporary_file_does_too_and_is_still_there(mode: str) -> None:
    with tempfile.NamedTemporaryFile(mode) as file:
        Path(file.name).write_text("content")
        file.read(3)
        copy = arrived([file, len])[0]
        assert (copy.name, copy.read(), copy.seek(0)) == (file.name, file.read(), 0)
        del copy
        assert os.path.exists(file.name)


def test_a_temporary_file_that_is_open_for_writing_is_refused_where_it_is() -> None:
    with (
        tempfile.NamedTemporaryFile() as file,
        pytest.raises(values.Unpicklable, match=r"it\[1\]: '.*' is open for writing"),
    ):
        values.dumps([1, file])


@pytest.mark.parametrize("written", [b"", b"so much that it is on a disk"])
def test_so_is_one_that_is_kept_in_memory(written: bytes) -> None:
    with tempfile.SpooledTemporaryFile(10) as file:
        file.write(written)
        before = file._rolled  # type: ignore[attr-defined]
        with pytest.raises(values.Unpicklable, match=r"it\[1\]: a .*file.* is open for writing"):
            values.dumps([1, file])
        assert file._rolled is before  # type: ignore[attr-defined]


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


def test_a_text_file_that_has_arrived_travels_on(path: Path) -> None:
    with open(path, encoding="utf-8") as file:
        copy = arrived(file)
    copy.seek(6)
    again = arrived(copy)
    assert (again.name, again.mode, again.encoding) == (str(path), "r", "utf-8")
    assert again.read() == TEXT[6:]


def test_a_binary_file_that_has_arrived_travels_on(path: Path) -> None:
    with open(path, "rb") as file:
        copy = arrived(file)
    copy.seek(6)
    again = arrived(copy)
    assert (again.name, again.read()) == (str(path), TEXT.encode()[6:])


UNSIZED = "/proc/self/status"


@pytest.mark.skipif(not os.path.exists(UNSIZED), reason="this system has no such files")
def test_a_file_that_does_not_say_how_much_it_holds_is_read_to_its_end() -> None:
    with open(UNSIZED) as file:
        assert os.fstat(file.fileno()).st_size == 0
        assert arrived(file).read().startswith("Name:")


@pytest.mark.skipif(not os.path.exists(UNSIZED), reason="this system has no such files")
def test_one_that_has_no_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_UNSIZED", 100)
    with open(UNSIZED) as file, pytest.raises(values.Unpicklable, match="read what you need"):
        values.dumps(file)


def test_an_empty_file_arrives_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with open(tmp_path / "empty") as file:
        assert arrived(file).read() == ""


WRITES: dict[str, Callable[[Any], object]] = {
    "write": lambda file: file.write(b"x"),
    "writelines": lambda file: file.writelines([b"x"]),
    "truncate": lambda file: file.truncate(0),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_has_arrived_is_for_reading_only_as_the_file_was(path: Path, name: str) -> None:
    with open(path, "rb") as file:
        for each in (file, arrived(file)):
            assert (each.readable(), each.writable()) == (True, False)
            with pytest.raises(io.UnsupportedOperation):
                WRITES[name](each)
            assert each.read() == TEXT.encode()


def test_so_is_a_text_file(path: Path) -> None:
    with open(path, encoding="utf-8") as file:
        for each in (file, arrived(file)):
            assert not each.writable()
            with pytest.raises(io.UnsupportedOperation):
                each.write("x")


def test_a_buffer_before_a_file_in_memory_travels() -> None:
    file = io.BufferedReader(io.BytesIO(b"content"))  # type: ignore[arg-type]
    file.read(3)
    assert arrived(file).read() == b"tent"


def test_a_file_without_a_name_is_called_what_it_is(path: Path) -> None:
    with open(os.open(path, os.O_WRONLY), "wb") as file:
        assert files.label(file) == f"the file of descriptor {file.fileno()}"
        with pytest.raises(values.Unpicklable, match="the file of descriptor"):
            values.dumps(file)


@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
@pytest.mark.parametrize("content", [b"a\rb\nc\r\nd", b"a\r\nb\r\n", b"a\rb\r", b"a\nb\n", b""])
def test_a_text_file_ends_its_lines_where_it_did(
    tmp_path: Path, newline: str | None, content: bytes
) -> None:
    (tmp_path / "lines").write_bytes(content)
    with open(tmp_path / "lines", newline=newline) as file:
        copy = arrived(file)
        if b"\r" in content:  # else they only differ in what nobody uses
            assert list(copy) == list(file)
        file.seek(0)
        copy.seek(0)
        assert copy.read() == file.read()


def test_a_text_file_that_cannot_be_decoded_travels_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\r\xff")
    with open(tmp_path / "binary", encoding="utf-8") as file:
        assert arrived(file).buffer.read() == b"\r\xff"
        assert file.tell() == 0
