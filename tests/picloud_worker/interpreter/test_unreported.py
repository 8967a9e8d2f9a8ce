"""Results in memory that an interpreter and its agent share."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud_worker.interpreter.control import UNREPORTED
from picloud_worker.interpreter.unreported import UnreportedReader, UnreportedWriter
from picloud_worker.pipe.messages import GaveBack, Returned, Wrote


def pair(size: int = 1000) -> tuple[UnreportedWriter, UnreportedReader, memoryview, memoryview]:
    page, area = memoryview(bytearray(64)).cast("Q"), memoryview(bytearray(size))
    return UnreportedWriter(page, area), UnreportedReader(page, area), page, area


def test_results_and_messages_are_read_in_order() -> None:
    writer, reader, _, _ = pair()
    said = Wrote(3, "out", "", "")
    assert writer.note(1, b"one", 0.5)
    assert writer.note(2, b"", 0.25)
    assert writer.note_message(said)
    assert writer.note(3, b"three", 1.0)
    read = [Returned([1, 2], [b"one", b""], [0.5, 0.25]), said, Returned([3], [b"three"], [1.0])]
    assert reader.messages() == read


def test_a_result_that_names_jobs_or_blobs_is_not_mixed_with_others() -> None:
    writer, reader, _, _ = pair()
    naming = Returned([2], [b"two"], [0.5], [[7]], spilled=True)
    writer.note(1, b"one", 0.5)
    writer.note_message(naming)
    writer.note(3, b"three", 0.5)
    read = [Returned([1], [b"one"], [0.5]), naming, Returned([3], [b"three"], [0.5])]
    assert reader.messages() == read


@pytest.mark.parametrize("runtime", [math.nan, math.inf, -math.inf])
def test_a_run_time_that_is_none_is_not_believed(runtime: float) -> None:
    writer, reader, _, _ = pair()
    writer.note(1, b"one", runtime)
    assert reader.messages() == []


def test_what_was_read_is_not_read_again_until_there_is_more() -> None:
    writer, reader, _, _ = pair()
    writer.note(1, b"one", 0.5)
    assert reader.messages() != []
    assert reader.messages() == []
    writer.note(2, b"two", 0.5)
    assert reader.messages() == [Returned([1, 2], [b"one", b"two"], [0.5, 0.5])]


def test_what_was_sent_is_not_read_and_what_follows_is_even_if_it_is_as_long() -> None:
    writer, reader, _, _ = pair()
    writer.note(1, b"one", 0.5)
    assert len(reader.messages()) == 1
    writer.clear()
    assert reader.messages() == []
    writer.note(2, b"two", 0.5)
    assert reader.messages() == [Returned([2], [b"two"], [0.5])]


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    writer, reader, _, _ = pair(100)
    assert writer.note(1, bytes(60), 0.5)
    assert not writer.note(2, bytes(60), 0.5)
    assert not writer.note_message(GaveBack(list(range(1000))))
    assert reader.messages() == [Returned([1], [bytes(60)], [0.5])]


@given(st.binary(max_size=200), st.integers(0, (1 << 64) - 1))
def test_whatever_a_job_writes_there_reading_does_not_fail(data: bytes, word: int) -> None:
    _, reader, page, area = pair(200)
    area[: len(data)] = data
    page[UNREPORTED] = word
    assert isinstance(reader.messages(), list)


@given(st.lists(st.tuples(st.integers(1, 1 << 60), st.binary(max_size=30), st.floats(0, 1e6))))
def test_results_come_back_equal(results: list[tuple[int, bytes, float]]) -> None:
    writer, reader, _, _ = pair(10_000)
    taken: list[Any] = [each for each in results if writer.note(*each)]
    read = reader.messages()
    columns = [(s, r, t) for m in read for s, r, t in zip(m.sequences, m.results, m.runtimes)]  # noqa: B905
    assert columns == taken
