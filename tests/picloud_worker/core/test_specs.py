"""What is learnt of run times."""

import math

import pytest

from picloud_worker.core.specs import Estimate


@pytest.mark.parametrize("told", [math.nan, math.inf, -math.inf, 1.7e308, -1.0])
def test_no_word_of_an_interpreter_spoils_what_is_learnt_later(told: float) -> None:
    estimate = Estimate()
    estimate.learn(told, 1)
    for _ in range(1000):
        estimate.learn(0.5, 1)
    assert estimate.seconds == pytest.approx(0.5)
