"""Tails of files that grow."""

import os

import pytest

from picloud.protocol import limits
from picloud_worker.interpreter.output import read_tail


@pytest.fixture
def file() -> int:
    return os.memfd_create("test")


def test_the_tail_is_what_lies_between_two_places(file: int) -> None:
    os.write(file, b"before|mine|after")
    assert read_tail(file, 7, 11) == "mine"


def test_there_is_no_tail_of_a_file_that_was_cut(file: int) -> None:
    assert read_tail(file, 100, 0) == ""


def test_a_tail_that_is_cut_off_begins_with_a_whole_character(file: int) -> None:
    text = "é" * limits.OUTPUT_TAIL
    os.write(file, b"x" + text.encode())
    end = os.lseek(file, 0, os.SEEK_END)
    assert set(read_tail(file, 0, end)) == {"é"}
    assert set(read_tail(file, 0, end - 1)) == {"é", "\ufffd"}


def test_bytes_that_are_no_text_are_marked(file: int) -> None:
    os.write(file, b"\xff\xfe.")
    assert read_tail(file, 0, 3) == "\ufffd\ufffd."
