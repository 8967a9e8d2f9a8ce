"""What users get wrong: each has a clear error, and the same session works on afterwards."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import pytest

from picloud import errors
from picloud.session import Session
from tests.support.processes import Place, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(autouse=True)
def _works_on(cloud: Session) -> Iterator[None]:
    """Whatever a test does wrong, the next job runs."""
    yield
    assert cloud.result(cloud.call(pow, 2, 5), 20) == 32


def one(x: int, *, y: int = 0) -> int:
    return x + y


def iter_of_nothing() -> Iterator[int]:
    yield from ()


class TwoArguments(Exception):  # noqa: N818 - what users write
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


# ---------------------------------------------------------------------- before anything is sent


@pytest.mark.parametrize("function", [None, 3, "print", [len]], ids=repr)
def test_what_is_not_callable_is_refused(cloud: Session, function: Any) -> None:
    with pytest.raises(TypeError, match="must be callable"):
        cloud.call(function)
    with pytest.raises(TypeError, match="must be callable"):
        cloud.map(function, [1])


def test_wrong_arguments_are_refused_as_python_does(cloud: Session) -> None:
    with pytest.raises(TypeError, match="missing"):
        cloud.call(one)
    with pytest.raises(TypeError, match="positional"):
        cloud.call(one, 1, 2)
    with pytest.raises(TypeError, match="z"):
        cloud.call(one, 1, z=3)
    with pytest.raises(TypeError, match="positional"):
        cloud.map(one, [1], [2])


def test_map_without_anything_to_map_is_refused(cloud: Session) -> None:
    with pytest.raises(ValueError, match="at least one iterable"):
        cloud.map(one)
    with pytest.raises(TypeError):
        cloud.map(one, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="y"):
        cloud.map(one, [1], y=3)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("_prioity", "_priority"),
        ("_time_out", "_timeout"),
        ("_core", "_cores"),
        ("_Label", "_label"),
    ],
)
def test_an_unknown_option_names_the_nearest(cloud: Session, typed: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"{typed}; did you mean {meant}"):
        cloud.call(one, 1, **{typed: 1})
    with pytest.raises(TypeError, match=f"{typed}; did you mean {meant}"):
        cloud.map(one, [1], **{typed: 1})


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"_type": "c99"}, ValueError),
        ({"_type": 3}, TypeError),
        ({"_cores": 0}, ValueError),
        ({"_cores": "2"}, TypeError),
        ({"_cores": True}, TypeError),
        ({"_priority": -1}, ValueError),
        ({"_priority": 1 << 70}, ValueError),
        ({"_label": 5}, TypeError),
        ({"_label": "x" * 100_000}, ValueError),
        ({"_timeout": 0}, ValueError),
        ({"_timeout": float("nan")}, ValueError),
        ({"_memory": 0}, ValueError),
        ({"_max_runtime": 1, "_timeout": 1}, ValueError),
        ({"_os_env_vars": "HOME"}, TypeError),
        ({"_restartable": "no"}, TypeError),
    ],
    ids=repr,
)
def test_an_option_out_of_range_is_refused(
    cloud: Session, option: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(option)).strip("_")):
        cloud.call(one, 1, **option)


@pytest.mark.parametrize(
    ("variables", "error"),
    [({"A=B": "x"}, ValueError), ({"A": 1}, TypeError), ([1], TypeError), ({"": "x"}, ValueError)],
    ids=str,
)
def test_an_environment_variable_that_cannot_be_is_refused(
    cloud: Session, variables: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="environment variable"):
        cloud.call(one, 1, _os_env_vars=variables)


def test_an_argument_that_cannot_be_pickled_is_refused_by_name(cloud: Session) -> None:
    with pytest.raises(errors.SerializationError, match="lock"):
        cloud.call(lambda x: x, threading.Lock())
    with socket.socket() as sock, pytest.raises(errors.SerializationError, match="socket"):
        cloud.call(lambda x: x, {"deep": [sock]})
    with pytest.raises(errors.SerializationError, match="generator"):
        cloud.map(lambda x: x, [1, 2, iter_of_nothing()])


def test_a_function_that_cannot_be_pickled_is_refused(cloud: Session) -> None:
    lock = threading.Lock()
    with pytest.raises(errors.SerializationError, match="lock"):
        cloud.call(lambda: lock)


def test_an_argument_whose_pickling_raises_is_refused(cloud: Session) -> None:
    class Stubborn:
        def __reduce__(self) -> Any:
            raise ZeroDivisionError("not me")

    with pytest.raises(errors.SerializationError, match="not me"):
        cloud.call(repr, Stubborn())


# ---------------------------------------------------------------------- jobs that are none


@pytest.mark.parametrize("verb", ["result", "join", "status", "info", "kill", "delete", "why"])
def test_an_unknown_job_is_access_denied(cloud: Session, verb: str) -> None:
    with pytest.raises(errors.AccessDenied, match="123456789"):
        getattr(cloud, verb)(123456789)


def test_an_unknown_job_does_not_hold_up_the_known(cloud: Session) -> None:
    good = cloud.call(one, 1)
    first, second = cloud.result([good, 123456789], 20, ignore_errors=True)
    assert first == 1
    assert isinstance(second, errors.AccessDenied)


@pytest.mark.parametrize(
    ("jobs", "error"),
    [
        (-1, ValueError),
        (1.5, TypeError),
        (None, TypeError),
        (True, TypeError),
        ("12", TypeError),
        ([None], TypeError),
        (object, TypeError),
        (1 << 80, ValueError),
    ],
    ids=str,
)
@pytest.mark.parametrize("verb", ["result", "status", "kill", "delete", "info"])
def test_what_is_no_job_is_refused(cloud: Session, verb: str, jobs: Any, error: Any) -> None:
    with pytest.raises(error):
        getattr(cloud, verb)(jobs)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True], ids=repr)
def test_a_timeout_that_is_none_is_refused(cloud: Session, timeout: Any) -> None:
    job = cloud.call(one, 1)
    for verb in (cloud.result, cloud.join, cloud.iresult, cloud.as_completed):
        with pytest.raises((TypeError, ValueError), match="timeout"):
            verb(job, timeout)


# ---------------------------------------------------------------------- results and exceptions


def test_a_result_that_cannot_be_pickled_is_an_error_of_its_job(cloud: Session) -> None:
    bad, good = cloud.call(threading.Lock), cloud.call(one, 1)
    with pytest.raises(errors.ResultError, match="lock") as caught:
        cloud.result(bad, 20)
    assert isinstance(caught.value, errors.SerializationError)
    assert cloud.result(good, 20) == 1


def test_a_result_that_cannot_be_loaded_here_is_an_error_of_its_job(cloud: Session) -> None:
    def broken() -> Any:
        class Broken:
            def __reduce__(self):  # type: ignore[no-untyped-def]
                return int, ("not a number",)

        return Broken()

    bad, good = cloud.call(broken), cloud.call(one, 1)
    with pytest.raises(errors.CloudException, match="not a number"):
        cloud.result([good, bad], 20)


def test_a_result_of_30_megabytes_arrives(cloud: Session) -> None:
    result = cloud.result(cloud.call(bytes, 30 << 20), 30)
    assert len(result) == 30 << 20


def test_an_argument_of_30_megabytes_arrives(cloud: Session) -> None:
    assert cloud.result(cloud.call(len, bytes(30 << 20)), 30) == 30 << 20


def test_an_exception_is_caught_as_its_own_type(cloud: Session) -> None:
    def broken() -> None:
        {"a": 1}["b"]

    job = cloud.call(broken)
    with pytest.raises(KeyError) as caught:
        cloud.result(job, 20)
    error = caught.value
    assert isinstance(error, errors.JobError)
    assert (error.jid, error.status) == (job, "error")
    assert error.args == ("b",)
    assert any('{"a": 1}["b"]' in note for note in error.__notes__)


def test_an_exception_with_two_arguments_keeps_its_attributes(cloud: Session) -> None:
    def broken() -> None:
        raise TwoArguments(42, "the text")

    bad, good = cloud.call(broken), cloud.call(one, 1)
    with pytest.raises(errors.JobError, match="42: the text") as caught:
        cloud.result(bad, 20)
    assert type(caught.value).__name__ == "TwoArguments"
    assert caught.value.code == 42  # type: ignore[attr-defined]
    assert cloud.result(good, 20) == 1


def test_an_exception_that_cannot_be_pickled_is_told_in_words(cloud: Session) -> None:
    def broken() -> None:
        error = RuntimeError("with a lock")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(errors.JobError, match="with a lock"):
        cloud.result(cloud.call(broken), 20)


def test_an_exception_whose_text_raises_is_told_nevertheless(cloud: Session) -> None:
    def broken() -> None:
        class Mute(Exception):  # noqa: N818
            def __str__(self) -> str:
                raise OSError("no text")

            __repr__ = __str__

        raise Mute

    with pytest.raises(errors.JobError):
        cloud.result(cloud.call(broken), 20)


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (lambda: sys.exit(4), "sys.exit"),
        (lambda: sys.exit("with a text"), "with a text"),
        (lambda: sys.exit(), "sys.exit"),
    ],
    ids=["number", "text", "nothing"],
)
def test_a_job_that_exits_is_an_error_that_says_so(
    cloud: Session, raised: Callable[[], None], text: str
) -> None:
    with pytest.raises(errors.JobError, match=text):
        cloud.result(cloud.call(raised), 20)


def test_base_exceptions_are_errors_of_their_job_and_end_nothing_else(cloud: Session) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt("from the job")

    def left() -> None:
        raise GeneratorExit

    def stopped() -> None:
        raise StopIteration(3)

    jobs = [cloud.call(each) for each in (interrupted, left, stopped)]
    found = cloud.result(jobs, 20, ignore_errors=True)
    assert [isinstance(each, errors.JobError) for each in found] == [True] * 3
    assert "from the job" in str(found[0])


def test_an_exception_group_keeps_its_members(cloud: Session) -> None:
    def broken() -> None:
        raise ExceptionGroup("several", [ValueError("a"), TypeError("b")])

    with pytest.raises(ExceptionGroup, match="several") as caught:
        cloud.result(cloud.call(broken), 20)
    assert [type(each) for each in caught.value.exceptions] == [ValueError, TypeError]


def test_a_thousand_jobs_that_fail_each_tell_their_own_error(cloud: Session) -> None:
    def broken(x: int) -> None:
        raise ValueError(x)

    found = cloud.result(cloud.map(broken, range(1_000)), 60, ignore_errors=True)
    assert [each.args for each in found] == [(x,) for x in range(1_000)]
    assert all(isinstance(each, ValueError) for each in found)


def test_a_function_of_any_name_runs(cloud: Session) -> None:
    def named(name: str) -> Callable[[], int]:
        def function() -> int:
            return 1

        function.__name__ = function.__qualname__ = name
        return function

    names = ["", "\n", "ünïcode", "x" * 10_000, "a.b.c", "%s{}"]
    assert cloud.result([cloud.call(named(name)) for name in names], 20) == [1] * len(names)


def test_a_module_that_the_worker_lacks_is_named(cloud: Session) -> None:
    import types

    module = types.ModuleType("only_here")
    exec("def f(): return 1", module.__dict__)
    sys.modules["only_here"] = module
    try:
        with pytest.raises(errors.CloudException, match="only_here"):
            cloud.result(cloud.call(module.f), 20)
    finally:
        del sys.modules["only_here"]


def test_a_job_may_be_named_twice(cloud: Session) -> None:
    job = cloud.call(one, 1)
    assert cloud.result([job, job], 20) == [1, 1]
    assert list(cloud.as_completed([job, job])) == [job]
    until(lambda: cloud.status([job, job]) == ["done", "done"], "both are done")
    cloud.delete([job, job])


def test_without_a_place_for_its_files_a_cloud_says_so_and_starts_once_there_is_one(
    place: Place,
) -> None:
    program = """\
import os
import picloud as cloud

try:
    cloud.call(abs, -3)
except cloud.ConnectionLost as error:
    print("/dev/null/nowhere" in str(error), "PICLOUD_STATE_DIR" in str(error))
os.environ["PICLOUD_STATE_DIR"] = os.environ["ROOM"]
print(cloud.result(cloud.call(abs, -3)))
"""
    room = place.environment()["PICLOUD_STATE_DIR"]
    environment = place.environment(PICLOUD_STATE_DIR="/dev/null/nowhere", ROOM=room)
    done = place.run(place.script(program), env=environment)
    assert (done.stdout, done.stderr) == ("True True\n3\n", "")
