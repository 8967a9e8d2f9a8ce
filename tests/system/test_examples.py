"""The examples, as a reader would try them."""

import re

import pytest

from tests.support.processes import ROOT, Place
from tests.support.served import Served

CENSUS = str(ROOT / "examples" / "census.py")


def test_the_census_proves_its_numbers(place: Place) -> None:
    output = place.output(CENSUS, "--n", "200")
    assert re.search(r"^files +200 ", output, re.MULTILINE)
    assert "equal to a serial run of 200 files" in output


def test_the_census_proves_its_numbers_on_two_workers(place: Place) -> None:
    output = place.output(CENSUS, "--n", "50", "--workers", "2")
    assert "equal to a serial run of 50 files" in output


def test_the_census_proves_its_numbers_on_a_master_elsewhere(
    served_cloud: Served, place: Place
) -> None:
    output = place.output(CENSUS, "--n", "50", env=served_cloud.environment())
    assert "equal to a serial run of 50 files" in output


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_the_census_refuses_a_count_that_is_none(place: Place, count: str) -> None:
    done = place.run(CENSUS, "--n", count)
    assert done.returncode == 2
    assert "--n" in done.stderr
