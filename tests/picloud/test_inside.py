"""Whether this is a job."""

import multiprocessing
from multiprocessing.connection import Connection

import pytest

import picloud
from picloud import inside
from tests.support.thread_worker import ThreadLine


def test_a_program_does_not_run_on_the_cloud() -> None:
    assert not picloud.running_on_cloud()


def test_a_job_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "line", ThreadLine())
    assert picloud.running_on_cloud()


def test_so_does_a_process_that_a_job_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(inside.MARK, "1")
    assert picloud.running_on_cloud()


def tell_line(out: Connection) -> None:
    out.send(inside.line is None)


def test_a_forked_child_has_no_part_in_the_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "line", ThreadLine())
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=tell_line, args=(theirs,))
    child.start()
    assert ours.recv() is True
    child.join()
    assert inside.line is not None
