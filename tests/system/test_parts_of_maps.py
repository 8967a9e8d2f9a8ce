"""What was given a map hands on parts of it, and these open nothing else."""

import contextlib
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud.job import Job
from picloud.session import Session
from tests.support.processes import pass_on, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def reached_from(handle: Any, numbers: range) -> list[int]:
    """Which of these jobs somebody may ask about who has shown this handle."""
    picloud.result(handle)
    reached = []
    for number in numbers:
        with contextlib.suppress(picloud.AccessDenied):
            picloud.status(number)
            reached.append(number - numbers[0])
    return reached


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (lambda jobs: jobs[3], [3]),
        (lambda jobs: jobs[3:5], [3, 4]),
        (lambda jobs: jobs[1:9][::3], [1, 4, 7]),
        (lambda jobs: pickle.loads(pickle.dumps(jobs[2:6]))[1], [3]),
    ],
    ids=["an item", "a slice", "a slice with gaps", "an item of a slice"],
)
@pytest.mark.parametrize("way", ["passed on", "returned", "in a file"])
def test_a_part_of_a_given_map_opens_no_more_than_itself(
    cloud: Session, part: Callable[[Any], Any], expected: list[int], way: str
) -> None:
    jobs = cloud.map(square, range(10))
    cloud.join(jobs)
    numbers = jobs.jids

    def hand_on(given: Any) -> Any:
        if way == "passed on":
            return picloud.result(picloud.call(reached_from, part(given), numbers))
        return part(given) if way == "returned" else pickle.dumps(part(given))

    def take(job: Job) -> list[int]:
        handle = picloud.result(job)
        return reached_from(pickle.loads(handle) if way == "in a file" else handle, numbers)

    job = cloud.call(hand_on, jobs)
    reached = cloud.call(take, job) if way != "passed on" else job
    assert cloud.result(reached, 30) == expected


def receive_and_wait(fifo: str) -> str:
    with open(fifo, "rb") as reader:
        job = pickle.load(reader)
    return "the last" if job is None else f"after {picloud.result(job)}"


def test_items_of_a_loaded_map_may_wait_for_each_other_in_a_row(
    cloud: Session, tmp_path: Path
) -> None:
    fifos = [tmp_path / name for name in ("second", "third", "first")]
    for fifo in fifos:
        os.mkfifo(fifo)
    second, third, first = fifos
    jobs = cloud.map(receive_and_wait, map(str, fifos))
    loaded = pickle.loads(pickle.dumps(jobs))
    pass_on(second, loaded[2])
    until(lambda: cloud.status(jobs[2]) == "processing", "the second has lent its core")
    pass_on(third, loaded[0])
    pass_on(first, None)
    assert cloud.result(jobs, 20) == ["after the last", "after after the last", "the last"]
