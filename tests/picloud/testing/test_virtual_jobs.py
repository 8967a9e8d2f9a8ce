"""How long the jobs of a virtual cloud take."""

from typing import Any

import pytest

from picloud import errors
from picloud.testing import VirtualCloud


def double(x: int) -> int:
    return 2 * x


def about(seconds: float) -> Any:
    """Processes start and messages travel, too."""
    return pytest.approx(seconds, abs=0.5)


def test_a_function_tells_how_long_jobs_take() -> None:
    asked = []

    def duration(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
        asked.append((function.__name__, function(*args, **kwargs), args, kwargs))
        return 60 * kwargs.get("x", 2)

    with VirtualCloud(duration=duration) as cloud:
        cloud.join([cloud.call(double, 5), cloud.call(double, x=1)])
        assert cloud.now == about(180)
    assert asked == [("double", 10, (5,), {}), ("double", 2, (), {"x": 1})]


def test_a_function_that_is_profiled_is_told_as_itself() -> None:
    with VirtualCloud(duration=lambda function, args, kwargs: len(function.__name__)) as cloud:
        cloud.join(cloud.call(double, 1, _profile=True))
        assert cloud.now == about(len("double"))


def test_what_a_duration_does_to_the_arguments_is_not_seen_by_the_job() -> None:
    def duration(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
        args[0].clear()
        return 1

    with VirtualCloud(duration=duration) as cloud:
        assert cloud.result(cloud.call(len, [1, 2, 3])) == 3


def test_no_duration_is_asked_for_a_job_that_cannot_be_read() -> None:
    class Unreadable:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    with VirtualCloud(duration=lambda function, args, kwargs: 1 // 0) as cloud:
        unreadable = Unreadable()
        for job in (cloud.call(lambda: unreadable), cloud.call(str, unreadable)):
            with pytest.raises(errors.ResultError, match="cannot be read on the worker"):
                cloud.result(job)


def test_a_duration_that_raises_is_an_error_of_the_job() -> None:
    with VirtualCloud(duration=lambda function, args, kwargs: args[7]) as cloud:
        job = cloud.call(double, 1)
        with pytest.raises(IndexError):
            cloud.result(job)


@pytest.mark.parametrize(
    ("wrong", "kind"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError)]
)
def test_a_duration_that_tells_no_time_is_an_error_of_the_job(wrong: Any, kind: Any) -> None:
    with VirtualCloud(duration=lambda function, args, kwargs: wrong) as cloud:
        job = cloud.call(double, 1)
        with pytest.raises(kind, match="what `duration` gave"):
            cloud.result(job)
