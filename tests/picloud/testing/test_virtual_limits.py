"""Limits of the run time in a virtual cloud: kept to the moment, and never before."""

from typing import Any

import pytest

import picloud
from picloud import errors
from picloud.testing import VirtualCloud, spend

KEPT = 0.001
"""How exactly a limit of the run time is kept."""

START = 0.1
"""Processes start and messages travel, too."""


def double(x: int) -> int:
    return 2 * x


def test_a_job_has_a_limit_of_its_run_time() -> None:
    with VirtualCloud() as cloud:
        job = cloud.call(lambda: spend(1e6), _timeout=60)
        with pytest.raises(errors.RuntimeLimitExceeded):
            cloud.result(job)
        assert cloud.now == pytest.approx(60, abs=START)


@pytest.mark.parametrize("limit", [0.01, 0.1, 1, 10, 50, 600, 3600, 1e6])
@pytest.mark.parametrize("over", [KEPT, 1, 1e6])
def test_a_job_over_its_limit_ends_at_it(limit: float, over: float) -> None:
    with VirtualCloud(duration=limit + over) as cloud:
        job = cloud.call(double, 7, _timeout=limit)
        with pytest.raises(errors.RuntimeLimitExceeded):
            cloud.result(job)
        assert cloud.now == pytest.approx(limit, abs=START)


@pytest.mark.parametrize("limit", [0.01, 0.1, 1, 10, 50, 600, 3600, 1e6])
@pytest.mark.parametrize("under", [0, 1e-5, 0.009])
def test_a_job_within_its_limit_is_not_hit(limit: float, under: float) -> None:
    with VirtualCloud(duration=limit - under) as cloud:
        assert cloud.result(cloud.call(double, 7, _timeout=limit)) == 14
        assert cloud.result(cloud.call(double, 8, _timeout=limit)) == 16


def test_limits_are_kept_whatever_else_runs() -> None:
    def duration(function: Any, args: tuple[int], kwargs: Any) -> float:
        return 60 + (KEPT if args[0] % 2 else 0) if kwargs else args[0] % 7 / 100

    with VirtualCloud(cores=50, duration=duration) as cloud:
        limited = []
        for x in range(24):
            limited.append(cloud.call(lambda x, key: x, x, key=x, _timeout=60))
            cloud.pass_time(0.013)
        for _ in range(70):
            cloud.map(double, range(500))
            cloud.pass_time(1)
        statuses = cloud.status(limited)
        assert statuses == ["done", "error"] * 12


def test_a_limit_in_minutes_is_kept() -> None:
    with VirtualCloud(duration=0) as cloud:
        job = cloud.call(spend, 1000, _max_runtime=10)
        with pytest.raises(errors.RuntimeLimitExceeded):
            cloud.result(job)
        assert cloud.now == pytest.approx(600, abs=START)


def test_what_a_job_does_in_pieces_adds_up_to_its_limit() -> None:
    def in_pieces(count: int) -> None:
        for _ in range(count):
            spend(0.1)

    with VirtualCloud(duration=0) as cloud:
        cloud.join(cloud.call(in_pieces, 100, _timeout=10))
        job = cloud.call(in_pieces, 101, _timeout=10)
        with pytest.raises(errors.RuntimeLimitExceeded):
            cloud.join(job)


def test_a_job_that_waits_for_another_one_uses_up_its_limit() -> None:
    def waiting(seconds: float) -> None:
        picloud.join(picloud.call(spend, seconds))

    with VirtualCloud(duration=0) as cloud:
        cloud.join(cloud.call(waiting, 59, _timeout=60))
        began = cloud.now
        job = cloud.call(waiting, 61, _timeout=60)
        with pytest.raises(errors.RuntimeLimitExceeded):
            cloud.join(job)
        assert cloud.now - began == pytest.approx(60, abs=START)


def test_a_limit_holds_for_each_attempt_anew() -> None:
    with VirtualCloud(duration=100) as cloud:
        job = cloud.call(double, 1, _timeout=150)
        cloud.pass_time(90)
        cloud.lose_worker()
        cloud.pass_time(90)
        cloud.add_worker()
        assert cloud.result(job) == 2


def test_a_limit_of_a_year_costs_no_time() -> None:
    year = 365 * 24 * 3600
    with VirtualCloud(duration=2 * year) as cloud:
        job = cloud.call(double, 1, _timeout=year)
        with pytest.raises(errors.RuntimeLimitExceeded):
            cloud.result(job)
        assert cloud.now == pytest.approx(year, abs=START)
