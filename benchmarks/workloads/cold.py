"""W6: from the start of a new Python to the first result, and what the import alone costs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from time import monotonic, monotonic_ns

from benchmarks.contenders import ColdStart, Contender
from benchmarks.workloads.base import Figures

_TIMEOUT = 60.0
_STAMP = "import time; print(time.monotonic_ns())"


def cold_start(contender: Contender, scale: float) -> Figures:
    """The clock is the machine's monotonic one, so that two processes can compare it."""
    program = contender.cold_start
    environment = {**os.environ, **program.environment}
    _seconds(program.imports, environment)  # byte-compiles what is not yet compiled
    empty = _seconds("pass", environment)
    imports = _seconds(program.imports, environment)
    return {
        "first_result_s": _until_stamp(program, environment),
        "exit_s": _seconds(_text(program), environment),
        "import_s": imports,
        "empty_s": empty,
    }


def _text(program: ColdStart) -> str:
    return "\n".join([program.imports, program.first, _STAMP, program.close])


def _until_stamp(program: ColdStart, environment: Mapping[str, str]) -> float:
    started = monotonic_ns()
    printed = _run(_text(program), environment)
    return (int(printed.split()[-1]) - started) / 1e9


def _seconds(text: str, environment: Mapping[str, str]) -> float:
    started = monotonic()
    _run(text, environment)
    return monotonic() - started


def _run(text: str, environment: Mapping[str, str]) -> str:
    """What the program prints; its errors go where ours go."""
    return subprocess.run(
        [sys.executable, "-c", text],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_TIMEOUT,
        check=True,
    ).stdout
