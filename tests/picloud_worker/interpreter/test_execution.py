"""One attempt, in this process."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from picloud.code import values
from picloud.protocol.failures import Failure, FailureKind
from picloud_worker.interpreter.execution import PYTHON, PreparedSpec, execute, execute_limited
from picloud_worker.pipe.messages import Prepare


def prepared(function: Any, python: str = PYTHON, **how: Any) -> PreparedSpec:
    limits = {"memory": 0, "os_env": None, **how}
    return PreparedSpec(Prepare(1, values.dumps(function), python, **limits))


def run(function: Any, *args: Any, **kwargs: Any) -> bytes | Failure:
    return execute(prepared(function), values.dumps((args, kwargs)))


def test_a_call_gives_its_pickled_result() -> None:
    assert run(lambda a, *, b: a - b, 5, b=3) == values.dumps(2)


def test_the_function_is_unpickled_once() -> None:
    spec = prepared(lambda: 1)
    assert spec.function is None
    execute(spec, values.dumps(((), {})))
    loaded = spec.function
    execute(spec, values.dumps(((), {})))
    assert spec.function is loaded is not None


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_each_job_finds_a_captured_file_where_it_was_captured(tmp_path: Path, mode: str) -> None:
    (tmp_path / "file").write_text("first\nsecond\n")

    with open(tmp_path / "file", mode) as file:
        file.readline()
        spec = prepared(lambda closes: (file.readline(), closes and file.close())[0])
    expected = values.dumps("second\n" if mode == "r" else b"second\n")
    for closes in (False, True, False, False):
        assert execute(spec, values.dumps(((closes,), {}))) == expected


def test_a_result_whose_class_cannot_be_pickled_blames_the_result() -> None:
    outcome = run(lambda: sys._getframe())
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.SERIALIZATION
    assert outcome.message.startswith("the result cannot be sent: an object of type frame")


def test_an_exception_at_which_nobody_may_look_is_an_outcome_too() -> None:
    class ShyError(Exception):
        def __getattribute__(self, name: str) -> Any:
            raise ValueError("no")

    def fail() -> None:
        raise ShyError

    outcome = run(fail)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.EXCEPTION
    assert "ShyError, whose objects let nobody look at them" in outcome.message
    assert "in fail" in outcome.traceback


def test_an_exception_while_pickling_the_result_is_serialization_too() -> None:
    class Broken:
        def __reduce__(self) -> Any:
            raise ValueError("no")

    outcome = run(lambda: Broken())
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.SERIALIZATION


def test_a_missing_argument_is_the_functions_exception() -> None:
    outcome = run(lambda a: a)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.EXCEPTION
    assert outcome.message.startswith("TypeError")


def test_a_time_zone_among_the_variables_is_in_force_while_the_job_runs() -> None:
    def job() -> str:
        return time.strftime("%z")

    spec = prepared(job, os_env={"TZ": "Asia/Tokyo"})
    before = time.strftime("%z")
    assert execute_limited(spec, values.dumps(((), {}))) == values.dumps("+0900")
    assert time.strftime("%z") == before


def test_a_hard_limit_that_was_lowered_caps_what_jobs_get() -> None:
    lowered = """
import resource
from picloud_worker.interpreter.execution import limit_memory

resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
limit_memory(5000)
print(resource.getrlimit(resource.RLIMIT_DATA) == (1 << 30, 1 << 30))
limit_memory(100)
print(resource.getrlimit(resource.RLIMIT_DATA)[0] < 1 << 30)
"""
    done = subprocess.run([sys.executable, "-c", lowered], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\nTrue\n", "")


def test_the_environment_is_as_before_whatever_the_job_did_to_it() -> None:
    def job() -> None:
        os.environ["NEW"] = "1"
        del os.environ["SET"]

    before = dict(os.environ)
    spec = prepared(job, os_env={"SET": "x", "PATH": "/nowhere"})
    assert execute_limited(spec, values.dumps(((), {}))) == values.dumps(None)
    assert dict(os.environ) == before
