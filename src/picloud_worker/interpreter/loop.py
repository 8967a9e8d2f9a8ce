"""An interpreter's life: read frames, run attempts in order, send results back in batches.

A recall (SIGURG) can come between any two bytecodes. `_activity` says what it interrupts:

* USER: the code of a job. Nothing of the loop's is in use, so the handler answers at once.
* IDLE: waiting for the agent. The handler ends the wait by raising; the loop answers.
* BUSY: the loop itself. The handler leaves a mark, which the loop heeds before it enters either
  of the other two; it looks after it has changed `_activity`, so that no recall is lost between.

A job can keep signals from being handled. Then the agent revokes what has not started, by a word
of the shared page that the loop reads before each attempt and before each report.
"""

import _thread
import contextlib
import enum
import errno
import os
import select
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import repeat
from time import perf_counter
from typing import Any, NoReturn, TypeVar

from picloud.protocol.failures import Failure
from picloud_worker.interpreter import hygiene
from picloud_worker.interpreter.control import (
    EXIT_UNREPORTABLE,
    RECALLED,
    REVOKED,
    ROBBED,
    RUNNING,
    identity,
    shared_views,
)
from picloud_worker.interpreter.execution import Naming, PreparedSpec, execute, execute_limited
from picloud_worker.interpreter.finished import FinishedAttempts
from picloud_worker.interpreter.job_blobs import JobBlobs
from picloud_worker.interpreter.line import JobLine
from picloud_worker.interpreter.output import OutputCapture
from picloud_worker.interpreter.surroundings import Surroundings
from picloud_worker.interpreter.unreported import UnreportedWriter
from picloud_worker.interpreter.usage import MEASURED_FROM, UsageMeter
from picloud_worker.interpreter.wording import in_words, needs_words
from picloud_worker.pipe.frames import FrameReader
from picloud_worker.pipe.messages import (
    PIPE,
    Dirty,
    Discard,
    GaveBack,
    Prepare,
    RunAttempts,
    Wrote,
)

LOOK_AFTER = 0.001
"""Seconds that jobs run until what they left behind is looked for. Results of shorter jobs are sent
together then."""

REPORT_AFTER = 0.020
"""Seconds that the result of a longer job waits at most for company, as long as jobs end. A report
costs both sides 0.5 ms, a tenth of a job of 5 ms."""

RECEIVE_BYTES = 1 << 16
"""A larger buffer is mapped and unmapped at each call: 20 µs more for a round trip of 60."""

HANDLER_DEPTH = 200
"""Calls deep that the answer to a recall may go, on top of what a job has used up."""


class Activity(enum.Enum):
    """What a signal handler interrupts."""

    BUSY = "busy"
    USER = "user"
    IDLE = "idle"


BUSY, USER, IDLE = Activity
T = TypeVar("T")


class RecallArrived(Exception):  # noqa: N818 - an interruption, not an error
    """Raised by the signal handler to end an idle wait, and nowhere else."""


class InterpreterLoop:
    """The loop, the attempts that wait in it and the results that wait to be sent."""

    def __init__(
        self,
        pipe: socket.socket,
        line: socket.socket,
        files: tuple[int, int, int],
        shared: memoryview,
        store: Sequence[str] = (),
    ) -> None:
        self._pipe = pipe
        self._blobs = JobBlobs(store) if store else None
        self._page, area = shared_views(shared)
        self._meter = UsageMeter()
        self._finished = FinishedAttempts(UnreportedWriter(self._page, area), self._meter)
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._reader = FrameReader()
        self._specs: dict[int, PreparedSpec] = {}
        self._pending: deque[tuple[PreparedSpec, int, bytes]] = deque()
        self._batch_began = 0.0  # since then nothing was sent
        self._job_began = 0.0
        self._activity = BUSY
        self._recalled = False
        self._taken = 0  # attempts read from the pipe so far
        self._revoked = 0  # the word REVOKED as it was last heeded
        self._answered = 0  # the word RECALLED, too
        self._forked = False
        own = (pipe.fileno(), line.fileno(), *files)
        self._descriptors = {each: identity(each) for each in own}
        self._main = _thread.get_ident()
        self.line = JobLine(line, self._page, self._give_way)
        self.line.blobs = self._blobs.store if self._blobs is not None else None
        self._output = OutputCapture(files, self._page)
        os.register_at_fork(after_in_child=lambda: setattr(self, "_forked", True))

    def run(self, directory: str, tree: str) -> NoReturn:
        """Serve the agent until it closes the pipe; own modules of jobs are in the tree."""
        self._surroundings = Surroundings(directory, self._on_recall)
        self._modules = hygiene.ModuleWatch(tree)
        self._tree = tree
        try:
            while True:
                self._wait()
                self._read()
                if self._blobs is not None:
                    self._blobs.let_go()
                self._batch_began = perf_counter()
                while self._pending:
                    self._run_pending()
                    self._report()
                    self._tidy()
        except OSError as error:  # a job has closed our descriptors, or the agent is gone
            self._exit_unreportable(error)

    # ------------------------------------------------------------------ in

    def _wait(self) -> None:
        """Until there is something to read."""
        try:
            self._activity = IDLE
            if not self._recalled:
                self._poll.poll()
            self._activity = BUSY
        except RecallArrived:
            pass
        self._activity = BUSY
        if self._recalled:
            self._give_back()

    def _read(self) -> None:
        """Take in one piece of what there is, without waiting."""
        try:
            data = self._pipe.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not data:
            os._exit(0)
        for frame in self._reader.feed(data):
            for message in PIPE.decode(frame):
                self._take(message)

    def _take(self, message: Any) -> None:
        match message:
            case RunAttempts(spec, sequences, payloads, inputs):
                prepared = self._specs[spec]
                self._taken += len(sequences)
                if inputs is not None:
                    self.line.take_inputs(sequences, inputs, are_next=not self._pending)
                self._pending.extend(zip(repeat(prepared), sequences, payloads, strict=False))
            case Prepare():
                self._specs[message.spec] = PreparedSpec(message, self._blobs, self._tree)
            case Discard():
                del self._specs[message.spec]
            case _:
                raise TypeError(f"not for an interpreter: {message!r}")

    # ------------------------------------------------------------------ run

    def _run_pending(self) -> None:
        """Run what is pending. This is the hot path: a system call here is paid for every job."""
        pending, page, collect = self._pending, self._page, self._output.collect
        after_job, count_threads = self._surroundings.after_job, _thread._count
        finished, add_short = self._finished, self._finished.add_short
        modules, least_modules, line = sys.modules, self._modules.least, self.line
        began = perf_counter()
        while pending:
            attempt = pending.popleft()
            spec, sequence, payload = attempt
            if spec.is_limited:
                self._flush()
            page[RUNNING] = sequence
            self._activity = USER
            if self._recalled or page[REVOKED] != self._revoked:
                self._activity = BUSY
                pending.appendleft(attempt)
                self._give_back()
                return
            self._job_began = start = perf_counter()
            outcome = (execute_limited if spec.is_limited else execute)(spec, payload)
            self._activity = BUSY
            end = perf_counter()
            if self._forked:
                _leave_fork(outcome)
            if line.at_end is not None:
                with finished.noted(sequence, outcome, end - start):
                    self._end_attempt(line.at_end)
            if end - start > LOOK_AFTER:
                self._surroundings.stop_timers()  # they may strike on and on
            wrote = collect(sequence)
            if wrote or end - start > MEASURED_FROM or spec.profiles or type(outcome) is not bytes:
                self._finish_apart(attempt, outcome, end - start, wrote)
            else:
                add_short(sequence, outcome, end - start)
            spec.arguments = None
            if not pending or end - began > LOOK_AFTER or finished.is_due:
                if end - start < LOOK_AFTER or end - self._batch_began > REPORT_AFTER:
                    finished.is_due = True
                else:
                    if not pending:
                        self._read()  # if more has come, what has finished can wait for it
                    if pending and pending[0][0] is not spec:
                        finished.is_due = True  # nothing tells how long that one will take
                return
            after_job(end - start)
            if count_threads() or len(modules) < least_modules:
                return

    def _end_attempt(self, at_end: Callable[[], object]) -> None:
        """Give callbacks of a job their time."""
        self.line.at_end = None
        with contextlib.suppress(BaseException):  # of the job's signal handlers
            self._as_job(at_end)

    def _finish_apart(
        self,
        attempt: tuple[PreparedSpec, int, bytes],
        outcome: bytes | Naming | Failure,
        runtime: float,
        wrote: Wrote | None,
    ) -> None:
        """Add one that has used its own, and says so."""
        spec, sequence, payload = attempt
        finished, arguments, words = self._finished, spec.arguments, ""
        used = finished.measure(runtime)
        if wrote is not None:
            finished.say(wrote)
        is_worth_words = runtime > MEASURED_FROM or type(outcome) is Failure
        if is_worth_words and arguments is not None and needs_words(payload, *arguments):
            with finished.noted(sequence, outcome, runtime, used):  # whatever their repr does
                words = self._as_job(in_words, *arguments)
            self._output.collect(sequence)  # nobody's
            self._meter.begin()
        profile = spec.profile()
        if words or profile:
            used = replace(used, arguments=words, profile=profile)
        finished.add(sequence, outcome, runtime, used)

    def _as_job(self, function: Callable[..., T], *args: Any) -> T:
        """Call what runs code of the user, which may be recalled, or fork."""
        self._activity = USER
        try:
            return function(*args)
        finally:
            self._activity = BUSY
            if self._forked:
                os._exit(0)

    def _report(self) -> None:
        """Send results if it is time, and with them, if it is asked for, all that has not started.

        Never the one without the other: the agent would take it that the rest is still to come.
        """
        if self._page[REVOKED] != self._revoked:
            self._give_back()
        elif self._finished.is_due or not self._pending:
            self._flush()
        else:
            return
        self._page[RUNNING] = 0

    def _tidy(self) -> None:
        """Between jobs: restore, and look for leftovers."""
        stuck = self._surroundings.restore()
        self._output.restore()
        if not self._finished:
            self._meter.begin()
        found = stuck or hygiene.leftovers() or self._modules.missing()
        if found:
            self._retire(found)

    def _retire(self, leftovers: str) -> NoReturn:
        """A job is still at work in this process: take no other, wait for the end."""
        self._return_pending()
        self._finished.say(Dirty(leftovers))
        self._flush()
        self._page[RUNNING] = 0
        while True:
            self._wait()
            self._read()
            if self._pending:
                self._return_pending()
                self._flush()

    # ------------------------------------------------------------------ recall

    def _on_recall(self, _number: int, _frame: Any) -> None:
        if self._page[RECALLED] != self._answered:
            self._give_back_soon()

    def _give_back_soon(self) -> None:
        self._recalled = True
        if self._activity is USER:
            limit = sys.getrecursionlimit()
            try:
                sys.setrecursionlimit(limit + HANDLER_DEPTH)
                while self._recalled:  # another may come while this one is answered
                    self._activity = BUSY
                    self.line.undisturbed(self._answer_amid_job)
                    self._activity = USER
            finally:
                self._activity = USER  # whatever signal handlers of the job have raised
                with contextlib.suppress(RecursionError):  # it is that deep; `_tidy` will do it
                    sys.setrecursionlimit(limit)
        elif self._activity is IDLE:
            self._activity = BUSY
            raise RecallArrived

    def _give_way(self) -> None:
        """The running job is about to sleep: do what a recall would ask for.

        In another than the main thread the agent has to ask, if there is anything.
        """
        if _thread.get_ident() == self._main and (
            self._pending or self._finished or self._poll.poll(0)
        ):
            self._give_back_soon()

    def _answer_amid_job(self) -> None:
        """Give back without letting the job notice, however deep it has recursed."""
        try:
            self._finished.seal_before(perf_counter() - self._job_began)
            while self._recalled:
                self._give_back()
        except Exception as error:  # noqa: BLE001 - raised on, it would become the job's own
            self._exit_unreportable(error)

    def _give_back(self) -> None:
        """Report what has finished, and return all that has not started, read or not."""
        self._recalled = False
        self._answered = self._page[RECALLED]
        self._revoked = self._page[REVOKED]
        # What was revoked is on its way at least: the agent may have more than the pipe holds.
        while self._poll.poll(None if self._taken < self._revoked else 0):
            self._read()
        self._return_pending()
        self._flush()

    def _return_pending(self) -> None:
        sequences = [sequence for _, sequence, _ in self._pending]
        self._pending.clear()
        self._finished.say_first(GaveBack(sequences))

    # ------------------------------------------------------------------ out

    def _flush(self) -> None:
        if self._finished:
            self._pipe.sendall(self._finished.take())
            self._finished.sent()
        self._batch_began = perf_counter()

    def _exit_unreportable(self, error: Exception) -> NoReturn:
        if getattr(error, "errno", None) == errno.EBADF or any(
            identity(each) != before for each, before in self._descriptors.items()
        ):
            self._page[ROBBED] = 1
        with contextlib.suppress(OSError):  # the job may have closed this one too
            os.write(2, f"the interpreter cannot go on: {error}\n".encode())
        os._exit(EXIT_UNREPORTABLE)


def _leave_fork(outcome: bytes | Naming | Failure) -> NoReturn:
    """A job forked, and the child came out of the job's function: it has no more to do."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if isinstance(outcome, Failure):
        sys.stderr.write(outcome.traceback)
    os._exit(1 if isinstance(outcome, Failure) else 0)
