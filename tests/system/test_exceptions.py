"""Exceptions come home from real jobs as they were raised there, through every verb."""

# ruff: noqa: TRY301 - these are exceptions as users raise them

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud import errors
from picloud.session import Session

cloudpickle.register_pickle_by_value(sys.modules[__name__])


class OddError(Exception):
    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{code} because {reason}")
        self.code = code
        self.reason = reason


def fail() -> None:
    try:
        raise OddError(1, reason="of the cause")
    except OddError as cause:
        error = OddError(2, reason="of the error")
        error.add_note("noted")
        try:
            raise KeyError("amid")
        except KeyError:
            raise error from cause


def nest(levels: int, function: Callable[[], Any]) -> Any:
    if not levels:
        return function()
    return picloud.result(picloud.call(nest, levels - 1, function))


def check(error: Any) -> None:
    assert isinstance(error, OddError)
    assert isinstance(error, errors.JobError)
    assert (error.code, error.reason, error.__notes__[0]) == (2, "of the error", "noted")
    cause, context = error.__cause__, error.__context__
    assert isinstance(cause, OddError)
    assert (cause.code, cause.reason, cause.__cause__) == (1, "of the cause", None)
    assert (type(context), context.args) == (KeyError, ("amid",))
    assert error.__suppress_context__
    assert "raise error from cause" in error.__notes__[1]  # then come those of other jobs
    assert 'raise OddError(1, reason="of the cause")' in cause.__notes__[-1]


VERBS: dict[str, Callable[[Session], Any]] = {
    "result": lambda cloud: cloud.result(cloud.call(fail), 20),
    "list": lambda cloud: cloud.result([cloud.call(int), cloud.call(fail)], 20),
    "ignored": lambda cloud: cloud.result(cloud.call(fail), 20, ignore_errors=True),
    "ignored in a list": lambda cloud: cloud.result(
        [cloud.call(int), cloud.call(fail)], 20, ignore_errors=True
    )[1],
    "iresult": lambda cloud: list(cloud.iresult([cloud.call(fail)], 20)),
    "join": lambda cloud: cloud.join(cloud.call(fail), 20),
    "handle": lambda cloud: cloud.call(fail).result(20),
    "future": lambda cloud: cloud.call(fail).future().result(20),
    "future's exception": lambda cloud: cloud.call(fail).future().exception(20),
    "executor": lambda cloud: cloud.executor().submit(fail).result(20),
    "executor's map": lambda cloud: list(cloud.executor().map(lambda _: fail(), [1])),
    "await": lambda cloud: asyncio.run(awaited(cloud)),
    "nested": lambda cloud: cloud.result(cloud.call(nest, 3, fail), 30),
}


async def awaited(cloud: Session) -> Any:
    return await cloud.aresult(await cloud.acall(fail), 20)


def outcome(verb: Callable[[], Any]) -> Any:
    try:
        return verb()
    except Exception as error:  # noqa: BLE001 - it is what the tests look at
        return error


@pytest.mark.parametrize("verb", VERBS)
def test_the_whole_exception_comes_home(cloud: Session, verb: str) -> None:
    check(outcome(lambda: VERBS[verb](cloud)))


def test_a_group_of_a_hundred_comes_home(cloud: Session) -> None:
    def several() -> None:
        raise ExceptionGroup("several", [OddError(n, reason="r") for n in range(100)])

    found: list[Any] = []
    try:
        cloud.result(cloud.call(several), 20)
    except* OddError as group:
        found.extend(group.exceptions)
    assert [each.code for each in found] == list(range(100))


def test_exceptions_are_arguments_and_results(cloud: Session) -> None:
    def seen(error: Any) -> tuple[Any, ...]:
        return error.code, error.reason, OddError(error.code + 1, reason="back")

    code, reason, back = cloud.result(cloud.call(seen, OddError(3, reason="there")), 20)
    assert (code, reason) == (3, "there")
    assert (type(back), back.code, back.reason) == (OddError, 4, "back")


def test_a_job_returns_the_error_of_another(cloud: Session) -> None:
    def caught() -> Any:
        return picloud.result(picloud.call(fail), ignore_errors=True)

    check(cloud.result(cloud.call(caught), 30))


PROGRAM = """
import picloud as cloud


def fail():
    try:
        raise KeyError("the first")
    except KeyError as first:
        first.add_note("note of the first")
        error = ValueError("the second")
        error.add_note("note of the second")
        raise error from first


def nest(levels):
    return cloud.result(cloud.call(nest, levels - 1)) if levels else fail()


if __name__ == "__main__":
    with cloud.embedded(1):
        cloud.result(cloud.call(nest, 1))
"""


def test_an_uncaught_error_tells_each_thing_once(tmp_path: Any) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    for line in (
        'raise KeyError("the first")',
        "note of the first",
        "The above exception was the direct cause of the following exception:",
        "raise error from first",
        "return cloud.result(cloud.call(nest, levels - 1)) if levels else fail()",
        "note of the second",
        "cloud.result(cloud.call(nest, 1))",
    ):
        times = 2 if "levels - 1" in line else 1  # there are two levels
        assert done.stderr.count(line) == times, done.stderr
    assert "During handling of" not in done.stderr
