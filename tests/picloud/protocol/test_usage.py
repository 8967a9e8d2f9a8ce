"""What attempts have used, in bytes."""

import pytest

from picloud.protocol.usage import Usage


def test_it_comes_back_as_it_was() -> None:
    usage = Usage(1.5, 1.0, 0.25, 4096, "1, 'two'", "a table")
    assert Usage.unpacked(usage.packed()) == usage


def test_a_short_one_takes_few_bytes() -> None:
    assert len(Usage(0.001, 0.001, 0.0, 20 << 20).packed()) < 40


@pytest.mark.parametrize(
    "data", [b"", b"\x90", b"\xff", b"no usage", Usage(1.0, 1.0, 0.0, 1).packed()[:-1]]
)
def test_bytes_that_are_none_count_as_nothing(data: bytes) -> None:
    assert Usage.unpacked(data) is None


def test_neither_do_two() -> None:
    one = Usage(1.0, 1.0, 0.0, 1).packed()
    assert Usage.unpacked(b"\x92" + one[1:] * 2) is None
