"""What a job says is whole, wherever a signal handler of the job raises."""

import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest

from picloud import errors, nested_submissions, submissions
from picloud.nested_submissions import Mail, NestedSubmissions
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.jobs import JobSpec
from picloud.submissions import Spec

MODULES = (nested_submissions.__file__, submissions.__file__)


class Alarm(Exception):  # noqa: N818 - a user's
    pass


class RecordingLine:
    """Keeps what is said; the first messages may be too large for it."""

    inputs = b""
    blobs = None
    session: Any = None
    on_heard = on_refused = None

    def __init__(self, refused: int = 0) -> None:
        self.said: list[Any] = []
        self.is_undisturbed = False
        self.attempt = 1
        self.awaited: set[Any] = set()
        self._refused = refused

    def say(self, messages: Sequence[object], *, with_next: bool = False) -> None:
        if self._refused:
            self._refused -= 1
            raise errors.SerializationError("too large")
        self.said += messages

    def undisturbed(self, function: Callable[..., Any], *args: Any) -> Any:
        before, self.is_undisturbed = self.is_undisturbed, True
        try:
            return function(*args)
        finally:
            self.is_undisturbed = before

    def sleep(self, waiter: Any, seconds: float | None = None, *, lends: bool = True) -> None:
        raise AssertionError("nobody waits here")

    def attach(self, loop: Any) -> None:
        raise AssertionError("nobody waits here")

    def current(self) -> int:
        return self.attempt


def submissions_at(line: RecordingLine) -> NestedSubmissions:
    found = NestedSubmissions(line, Mail(line), threading.RLock())
    found.add_block(range(1, 100))
    return found


def interrupted(line: RecordingLine, step: int, function: Callable[[], object]) -> bool:
    """Call a function and raise before its so-manieth line that may be disturbed, if it has one."""
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in MODULES:
            return None
        if event == "line" and not line.is_undisturbed:
            left -= 1
            if left < 0:
                raise Alarm
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except Alarm:
        return True
    finally:
        sys.settrace(before)
    return False


def test_wherever_a_handler_raises_the_next_jobs_are_said_with_their_spec() -> None:
    step, goes_on = 0, True
    while goes_on:
        line = RecordingLine()
        jobs, spec = submissions_at(line), Spec(JobSpec("f", "3.11"), b"code")
        goes_on = interrupted(line, step, lambda jobs=jobs, spec=spec: jobs.submit(spec, b"x"))
        jid = jobs.submit(spec, b"y")
        assert type(line.said[0]) is DefineSpec
        assert all(type(each) is SubmitJobs for each in line.said[1:])
        assert line.said[-1].first + len(line.said[-1].payloads) - 1 == jid
        step += 1
    assert step > 1


def test_a_spec_that_was_too_large_to_be_said_is_defined_again() -> None:
    line = RecordingLine(refused=1)
    jobs, spec = submissions_at(line), Spec(JobSpec("f", "3.11"), b"code")
    with pytest.raises(errors.SerializationError):
        jobs.submit(spec, b"large")
    jobs.submit(spec, b"small")
    assert [type(each) for each in line.said] == [DefineSpec, SubmitJobs]
    assert line.said[0].number == line.said[1].spec


def test_what_one_job_had_ids_for_the_next_cannot_submit() -> None:
    line = RecordingLine()
    jobs = submissions_at(line)
    assert not jobs.is_blocked
    line.attempt += 1
    assert jobs.is_blocked
