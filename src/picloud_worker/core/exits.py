"""What the end of an interpreter process means for the attempts that it had."""

import signal

from picloud.protocol.failures import Failure, FailureKind
from picloud_worker.core.events import Exit


def failure_of_running(exit_: Exit) -> Failure:
    """It is what the process died of, or was lost together with it, and may be started again."""
    if exit_.zygote_lost:
        return Failure(FailureKind.WORKER_LOST, exit_.text)
    return failure_of(exit_)


def failure_of(exit_: Exit) -> Failure:
    """Tell exit, signal and out-of-memory apart, in words for the user."""
    if exit_.out_of_memory:
        text = "the job's process was ended by the kernel because memory ran out"
        return Failure(FailureKind.MEMORY, text)
    if exit_.signal:
        return Failure(FailureKind.SIGNAL, _signal_text(exit_.signal))
    text = exit_.text or f"the job ended its process with exit status {exit_.code}"
    return Failure(FailureKind.EXIT, text)


def _signal_text(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "a real-time signal"
    what = " (segmentation fault)" if name == "SIGSEGV" else ""
    return f"the job's process was ended by signal {number}, {name}{what}"
