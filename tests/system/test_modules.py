"""The user's own modules travel, and an edit is the next call's answer, in whatever program."""

from collections.abc import Mapping

import pytest

from tests.support.layouts import LAYOUTS, LEAF
from tests.support.notebooks import output_of_cells
from tests.support.processes import Place
from tests.support.served import Served

TWICE = "1 1\n2 2\n33 33\n"

STEPS = """
import picloud as cloud
from pathlib import Path
edited, source = Path({leaf!r}), {text!r}
{setup}
for n in (1, 2, 33):
    _ = edited.write_text(source.replace("{{n}}", str(n)))
    print(cloud.result(cloud.call(f)), *cloud.result(cloud.map(lambda _, g=f: g(), range(1))))
"""


def program(files: Mapping[str, str], setup: str, leaf: str) -> str:
    """Edits the leaf, calls, edits, calls: without restarting anything."""
    return STEPS.format(leaf=leaf, text=files[leaf], setup=setup)


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_edited_leaf_is_the_next_calls_answer(place: Place, name: str) -> None:
    files, setup, leaf = LAYOUTS[name]
    for path, text in files.items():
        place.script(text.replace("{n}", "0"), path)
    done = place.run(place.script(program(files, setup, leaf)))
    assert (done.stdout, done.stderr) == (TWICE, "")


HELPER = {"leaf.py": LEAF, "mod.py": "import leaf\ndef f(): return leaf.answer()"}


@pytest.mark.parametrize("how", ["-c", "-m", "prompt"])
def test_so_it_is_however_the_program_was_started(place: Place, how: str) -> None:
    for path, text in HELPER.items():
        place.script(text.replace("{n}", "0"), path)
    text = program(HELPER, "from mod import f", "leaf.py")
    if how == "-c":
        done = place.run("-c", text)
    elif how == "-m":
        place.script("", "app/__init__.py")
        place.script(text, "app/main.py")
        done = place.run("-m", "app.main")
    else:
        done = place.run("-i", "-q", text=text + "\n\n")  # an empty line ends the block
    assert [each for each in done.stdout.split() if each.isdigit()] == TWICE.split()


def test_so_it_is_in_a_notebook(place: Place) -> None:
    for path, text in HELPER.items():
        place.script(text.replace("{n}", "0"), path)
    setup, loop = program(HELPER, "from mod import f", "leaf.py").split("for n in", 1)
    assert output_of_cells(place, [setup, f"for n in{loop}", "cloud.close()"]) == TWICE


def test_a_program_that_is_started_again_runs_the_new_code_on_the_same_workers(
    served_cloud: Served, place: Place
) -> None:
    text = "import picloud as cloud, leaf\nprint(cloud.result(cloud.call(leaf.answer)))"
    for n in (1, 2, 3):
        place.script(LEAF.replace("{n}", str(n)), "leaf.py")
        done = place.run(place.script(text), env=served_cloud.environment())
        assert done.stdout == f"{n}\n"


def test_a_traceback_shows_the_lines_of_a_module(place: Place) -> None:
    place.script("def fail():\n    return 1 / 0  # here\n", "leaf.py")
    done = place.run(
        place.script("import picloud as cloud, leaf\ncloud.result(cloud.call(leaf.fail))")
    )
    assert "return 1 / 0  # here" in done.stderr
    assert "/leaf.py" in done.stderr
