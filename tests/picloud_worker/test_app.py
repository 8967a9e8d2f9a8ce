"""A worker inside a program, at the end of that program."""

from pathlib import Path

from tests.support.processes import Place

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
