"""Threads that hand the baton to each other."""

import threading

import pytest

from picloud import inside
from picloud.testing.job_threads import Abandoned, JobThread, JobThreads


class Line:
    """A line, as far as these threads know it."""


def test_a_thread_runs_from_pause_to_pause() -> None:
    threads, heard = JobThreads(), []
    thread = threads.take()

    def work() -> None:
        heard.append("one")
        thread.pause()
        heard.append("two")

    thread.begin(Line(), work)  # type: ignore[arg-type]
    assert heard == ["one"]
    thread.resume()
    assert heard == ["one", "two"]
    assert threads.take() is thread
    thread.stop()


def test_the_line_is_there_only_while_the_job_runs() -> None:
    threads, line, seen = JobThreads(), Line(), []
    threads.take().begin(line, lambda: seen.append(inside.line))  # type: ignore[arg-type]
    threads.stop()
    assert seen == [line]
    assert inside.line is None


def test_an_abandoned_job_ends_where_it_stands_and_cannot_wait_again() -> None:
    threads, heard = JobThreads(), []
    thread = threads.take()

    def work() -> None:
        for _ in range(2):
            try:
                thread.pause()
            except Abandoned:
                heard.append("abandoned")

    thread.begin(Line(), work)  # type: ignore[arg-type]
    thread.abandon()
    assert heard == ["abandoned", "abandoned"]
    threads.stop()


def test_only_the_jobs_own_thread_may_wait() -> None:
    thread = JobThread(lambda _: None)
    with pytest.raises(RuntimeError, match="its own thread"):
        thread.pause()
    thread.stop()


def test_a_stopped_thread_is_gone() -> None:
    before = threading.active_count()
    threads = JobThreads()
    threads.take().begin(Line(), lambda: None)  # type: ignore[arg-type]
    threads.stop()
    assert threading.active_count() == before
