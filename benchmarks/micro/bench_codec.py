"""What it costs to make and to read a frame, for a job in a batch and for a message alone."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from picloud.protocol.client_messages import JobFailed, JobsDone, SubmitJobs
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.jobs import JobStatus
from picloud.protocol.wire import WIRE
from picloud.protocol.worker_messages import AttemptsDone, RunJobs

JOBS = 1000
SECONDS = 0.1
PAYLOAD = b"\x80\x05K\x01\x85." * 4

_IDS = list(range(100_000, 100_000 + JOBS))
_PAYLOADS = [PAYLOAD] * JOBS
BATCHES: list[Any] = [
    SubmitJobs(1, 100_000, _PAYLOADS),
    RunJobs(1, 7, _IDS, _PAYLOADS),
    AttemptsDone(_IDS, [7] * JOBS, _PAYLOADS, [0.001] * JOBS),
    JobsDone(_IDS, _PAYLOADS),
]
FAILED = JobFailed(5, JobStatus.ERROR, Failure(FailureKind.EXCEPTION, "x" * 50, "ValueError"))


def seconds_per_call(function: Callable[[], object], seconds: float = SECONDS) -> float:
    """The best of three runs: the others were disturbed."""
    best, count = float("inf"), 1
    while True:
        began = perf_counter()
        for _ in range(count):
            function()
        took = perf_counter() - began
        best = min(best, took / count)
        if took > seconds / 3:
            break
        count *= 2
    for _ in range(2):
        began = perf_counter()
        for _ in range(count):
            function()
        best = min(best, (perf_counter() - began) / count)
    return best


def run() -> dict[str, float]:
    """Nanoseconds."""
    figures: dict[str, float] = {}
    for message in BATCHES:
        name, frame = type(message).__name__, WIRE.encode([message])
        figures[f"encode {name}, ns per job"] = _nanoseconds(lambda m=message: WIRE.encode([m]))
        figures[f"decode {name}, ns per job"] = _nanoseconds(lambda f=frame: WIRE.decode(f))
    frame = WIRE.encode([FAILED] * JOBS)
    figures["encode JobFailed, ns each"] = _nanoseconds(lambda: WIRE.encode([FAILED] * JOBS))
    figures["decode JobFailed, ns each"] = _nanoseconds(lambda: WIRE.decode(frame))
    several = [FAILED] * JOBS
    figures["frames of JobFailed, ns each"] = _nanoseconds(lambda: WIRE.encode_frames(several))
    return figures


def _nanoseconds(function: Callable[[], object]) -> float:
    return seconds_per_call(function) / JOBS * 1e9
