"""Where compiled modules lie, written down and read."""

import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from picloud.code.modules.compiled import files_of, index_of, paths_of

SUFFIX = EXTENSION_SUFFIXES[0]


def test_what_is_written_down_can_be_read(tmp_path: Path) -> None:
    files = {name: str(tmp_path / f"a b\udcff{name}{SUFFIX}") for name in ("one", "pack.two")}
    assert files_of(index_of(files)) == files
    assert files_of(b"") == {}


def test_modules_for_another_python_are_not_there(tmp_path: Path) -> None:
    files = {"one": str(tmp_path / "one.cpython-27-elsewhere.pyd")}
    assert files_of(index_of(files)) == {}


def test_another_build_is_written_down_otherwise(tmp_path: Path) -> None:
    file = tmp_path / f"one{SUFFIX}"
    file.write_bytes(b"1")
    os.utime(file, ns=(1, 1))
    before = index_of({"one": str(file)})
    os.utime(file, ns=(2, 2))
    assert index_of({"one": str(file)}) != before


def test_what_is_above_compiled_modules_is_a_package() -> None:
    assert paths_of(["one", "a.two", "a.b.three", "a.four"]) == ["a/.compiled", "a/b/.compiled"]
