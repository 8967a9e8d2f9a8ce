"""A worker inside a program, at the end of that program."""

from pathlib import Path

import pytest

from tests.support.processes import DEADLINE, Place, read_line, until

PROGRAM = """
import picloud as cloud

def litter(number):
    with open(f"file{number}", "w") as file:
        file.write("text")
    if number == 3:
        import os
        os._exit(1)
    return number

jobs = cloud.map(litter, range(5))
print(cloud.result(jobs[:3]))
cloud.join(jobs, ignore_errors=True)
"""


def test_a_program_that_just_ends_leaves_no_file_and_prints_nothing_more(tmp_path: Path) -> None:
    place = Place(tmp_path)
    done = place.run(place.script(PROGRAM))
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1, 2]\n", "")
    assert [each for each in place.state.rglob("*") if each.name.startswith("worker")] == []
    assert list(place.temporary.iterdir()) == []


LARGE = """
import sys
import picloud as cloud

def same(data):
    return data

assert len(cloud.result(cloud.call(same, bytes(5 << 20)))) == 5 << 20
print("done", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended"])
def test_no_large_data_outlives_the_program(tmp_path: Path, killed: bool) -> None:
    place = Place(tmp_path)
    with place.started(place.script(LARGE), stdin=-1) as program:
        assert read_line(program.stdout) == "done"
        assert place.stores_of(program.pid) != []
        if killed:
            program.kill()
        _, err = program.communicate(timeout=DEADLINE)
        assert err == ""
    until(lambda: place.stores_of(program.pid) == [], "its stores are gone")
