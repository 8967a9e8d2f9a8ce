"""What a program holds of its own modules, as objects, follows edits of these, too."""

import textwrap

import pytest

from tests.support.notebooks import output_of_cells
from tests.support.processes import Place
from tests.support.served import Served

MAKE = "def make(k):\n    return lambda: k\n"
BARE = "def bare(g):\n    def wrapper():\n        return g() {more}\n    return wrapper\n"

LAYOUTS: dict[str, tuple[dict[str, str], str, str]] = {
    # name: files, what is imported and called, the file that is edited
    "a lambda": ({"helper.py": "f = lambda: {n}"}, "from helper import f", "helper.py"),
    "a lambda under another name": (
        {"helper.py": "one = lambda: {n}"},
        "from helper import one as f",
        "helper.py",
    ),
    "a lambda that a function of the program names": (
        {"helper.py": "one = lambda: {n}"},
        "from helper import one\nf = lambda: one()",
        "helper.py",
    ),
    "a lambda among the arguments": (
        {"helper.py": "one = lambda: {n}"},
        "from helper import one\nimport functools\nf = functools.partial(lambda g: g(), one)",
        "helper.py",
    ),
    "a closure": ({"helper.py": MAKE + "f = make({n})"}, "from helper import f", "helper.py"),
    "a closure that another module makes": (
        {"lib.py": MAKE, "helper.py": "from lib import make\nf = make({n})"},
        "from helper import f",
        "helper.py",
    ),
    "a lambda that a package passes on": (
        {"pack/__init__.py": "from .leaf import f", "pack/leaf.py": "f = lambda: {n}"},
        "from pack import f",
        "pack/leaf.py",
    ),
    "a lambda of another module's number": (
        {"helper.py": "from leaf import N\nf = lambda: N", "leaf.py": "N = {n}"},
        "from helper import f",
        "leaf.py",
    ),
    "a decorated function": (
        {
            "decorate.py": BARE.format(more=""),
            "mod.py": "from decorate import bare\n@bare\ndef f(): return {n}",
        },
        "from mod import f",
        "mod.py",
    ),
    "the decorator of a function": (
        {
            "decorate.py": BARE.format(more="+ {n}"),
            "mod.py": "from decorate import bare\n@bare\ndef f(): return 0",
        },
        "from mod import f",
        "decorate.py",
    ),
    "a method with a decorator": (
        {
            "decorate.py": "def bare(g):\n    def wrapper(self):\n        return g(self)\n"
            "    return wrapper\n",
            "mod.py": "from decorate import bare\nclass C:\n    @bare\n    def m(self): return {n}",
        },
        "from mod import C; f = C().m",
        "mod.py",
    ),
    "a lambda of a class": (
        {"mod.py": "class C:\n    m = staticmethod(lambda: {n})"},
        "from mod import C; f = C.m",
        "mod.py",
    ),
    "a partial": (
        {"helper.py": "import functools\nf = functools.partial(int, '{n}')"},
        "from helper import f",
        "helper.py",
    ),
    "a class that a function makes": (
        {
            "helper.py": "def make(k):\n    class Made:\n        def m(self): return k\n"
            "    return Made\nModel = make({n})"
        },
        "from helper import Model\ndef f(): return Model().m()",
        "helper.py",
    ),
    "a constant": (
        {"settings.py": "RATE = {n}"},
        "from settings import RATE\ndef f(): return RATE",
        "settings.py",
    ),
    "a constant under another name": (
        {"settings.py": "RATE = {n}"},
        "from settings import RATE as r\nf = lambda: r",
        "settings.py",
    ),
    "a constant of one of two modules": (
        {"settings.py": "RATE = {n}"},
        "try:\n    from nowhere import RATE\nexcept ImportError:\n    from settings import RATE\n"
        "def f(): return RATE",
        "settings.py",
    ),
    "a tuple of constants": (
        {"settings.py": "LIMITS = ({n}, 'x', frozenset({None}))"},
        "from settings import LIMITS\ndef f(): return LIMITS[0]",
        "settings.py",
    ),
    "a constant that a package passes on": (
        {"pack/__init__.py": "from .settings import RATE", "pack/settings.py": "RATE = {n}"},
        "from pack import RATE\ndef f(): return RATE",
        "pack/settings.py",
    ),
    "a constant of another one": (
        {"settings.py": "from base import K\nRATE = K * 1", "base.py": "K = {n}"},
        "from settings import RATE\ndef f(): return RATE",
        "base.py",
    ),
    "a constant that a function named by the function names": (
        {"settings.py": "RATE = {n}"},
        "from settings import RATE\ndef inner(): return RATE\ndef f(): return inner()",
        "settings.py",
    ),
}

STEPS = """
import picloud as cloud
from pathlib import Path
edited, source = Path({leaf!r}), {text!r}
{setup}
for n in (0, 1, 2, 33, 0):
    _ = edited.write_text(source.replace("{{n}}", str(n)))
    print(cloud.result(cloud.call(f)), *cloud.result(cloud.map(lambda _, g=f: g(), range(1))))
"""

TWICE = "0 0\n1 1\n2 2\n33 33\n0 0\n"


def program(name: str, place: Place) -> str:
    """Writes the files of a layout, and gives a program that edits one, calls, edits, calls."""
    files, setup, leaf = LAYOUTS[name]
    for path, text in files.items():
        place.script(text.replace("{n}", "0"), path)
    return STEPS.format(leaf=leaf, text=files[leaf], setup=setup)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_a_program_holds_follows_edits(place: Place, name: str) -> None:
    done = place.run(place.script(program(name, place)))
    assert (done.stdout, done.stderr) == (TWICE, "")


STARTED = ["a lambda that a function of the program names", "a constant"]


@pytest.mark.parametrize("name", STARTED)
@pytest.mark.parametrize("how", ["-c", "-m"])
def test_so_it_is_however_the_program_was_started(place: Place, name: str, how: str) -> None:
    text = program(name, place)
    if how == "-m":
        place.script("", "app/__init__.py")
        place.script(text, "app/main.py")
        text = "app.main"
    assert place.run(how, text).stdout == TWICE


@pytest.mark.parametrize("name", STARTED)
def test_so_it_is_in_a_notebook(place: Place, name: str) -> None:
    setup, loop = program(name, place).split("for n in", 1)
    first, second = setup.split("\n", 2)[1:]
    cells = [first, second, f"for n in{loop}", "cloud.close()"]
    assert output_of_cells(place, cells) == TWICE


def test_a_lambda_is_followed_at_the_prompt(place: Place) -> None:
    done = place.run("-i", "-q", text=program(STARTED[0], place) + "\n\n")
    assert [each for each in done.stdout.split() if each.isdigit()] == TWICE.split()


@pytest.mark.parametrize("name", STARTED)
def test_so_it_is_on_other_machines(served_cloud: Served, place: Place, name: str) -> None:
    script = place.script(program(name, place))
    assert place.run(script, env=served_cloud.environment()).stdout == TWICE


def output_of(place: Place, text: str) -> str:
    """Of a program that can edit files by `edit(path, text)` and make calls by `ask(f)`."""
    begin = """
        import picloud as cloud
        from pathlib import Path
        def edit(path, text): Path(path).write_text(text)
        def ask(f, *args): return cloud.result(cloud.call(f, *args))
    """
    done = place.run(place.script(textwrap.dedent(begin) + textwrap.dedent(text)))
    assert done.stderr == ""
    return done.stdout


def test_an_edit_before_the_first_call_is_seen(place: Place) -> None:
    place.script("f = lambda: 1", "helper.py")
    text = "import helper\nedit('helper.py', 'f = lambda: 2')\nprint(ask(helper.f))"
    assert output_of(place, text) == "2\n"


COUNTER = """
def make():
    count = 0
    def counter():
        nonlocal count
        count += 1
        return count
    return counter
counter = make()
RATE = 1
"""


def test_until_there_is_an_edit_things_travel_as_they_are(place: Place) -> None:
    place.script(COUNTER, "helper.py")
    text = """
        import helper
        from helper import counter, RATE
        counter(), counter()
        def rate(): return RATE
        edit("other.py", "")
        print(ask(counter), ask(rate))
        RATE = helper.RATE = 7
        print(ask(rate))
    """
    assert output_of(place, text) == "3 1\n7\n"


def test_what_a_module_sets_when_it_is_used_travels_as_it_is(place: Place) -> None:
    text = "MODE = f = None\ndef use():\n    global MODE, f\n    MODE, f = 7, lambda: 7"
    place.script(text, "helper.py")
    text = """
        import helper
        helper.use()
        from helper import MODE, f
        def mode(): return MODE
        edit("helper.py", Path("helper.py").read_text() + "  # edited")
        print(ask(f), ask(mode))
    """
    assert output_of(place, text) == "7 7\n"


def test_what_the_program_has_bound_anew_travels_as_it_is(place: Place) -> None:
    place.script("RATE = 1\nITEMS = [1]\nf = lambda: 1", "helper.py")
    text = """
        import helper
        from helper import RATE, ITEMS, f
        SAME = 1  # as helper has, but not taken from it
        def same(): return SAME, ITEMS
        def rate(): return RATE
        edit("helper.py", "RATE = 2\\nSAME = 2\\nITEMS = [2]\\nf = lambda: 2")
        print(ask(rate), ask(same), ask(f))
        helper.f = None
        helper.SAME = SAME
        RATE = 1000
        print(ask(rate), ask(same), ask(f))
    """
    assert output_of(place, text) == "2 (1, [1]) 2\n1000 (1, [1]) 1\n"


def test_a_module_that_is_loaded_again_is_what_the_program_holds(place: Place) -> None:
    place.script("f = lambda: 1", "helper.py")
    text = """
        import helper, importlib
        print(ask(helper.f))
        edit("helper.py", "f = lambda: 22")
        importlib.reload(helper)
        print(ask(helper.f))
        edit("helper.py", "f = lambda: 333")
        print(ask(helper.f))
    """
    assert output_of(place, text) == "1\n22\n333\n"


def test_a_name_that_an_edit_has_removed_is_said_to_be_missing(place: Place) -> None:
    place.script("f = lambda: 1\nRATE = 1", "helper.py")
    text = """
        from helper import f, RATE
        def rate(): return RATE
        edit("helper.py", "")
        for each in (f, rate):
            try:
                ask(each)
            except cloud.CloudException as error:
                print(error)
    """
    first, second = output_of(place, text).splitlines()
    assert "module helper has no 'f'" in first
    assert "put it back" in first
    assert "module helper has no 'RATE'" in second


def test_an_edit_that_is_no_python_is_refused(place: Place) -> None:
    place.script("f = lambda: 1", "helper.py")
    text = """
        from helper import f
        edit("helper.py", "f = lambda: (")
        try:
            ask(f)
        except cloud.SerializationError as error:
            print(error)
        edit("helper.py", "f = lambda: 2")
        print(ask(f))
    """
    refusal, answer = output_of(place, text).splitlines()
    assert "no Python of this version can import" in refusal
    assert "helper.py" in refusal
    assert answer == "2"


def test_modules_that_may_not_travel_keep_what_is_held_as_it_is(place: Place) -> None:
    place.script("f = lambda: 1", "helper.py")
    text = """
        from helper import f
        edit("helper.py", "f = lambda: 22")
        for which in (False, ["json"], ["helper"]):
            print(cloud.result(cloud.call(f, _transfer_modules=which)))
    """
    assert output_of(place, text) == "1\n1\n22\n"


def test_an_inspection_shows_what_an_edit_has_changed(place: Place) -> None:
    place.script("f = lambda: 1", "helper.py")
    text = """
        from helper import f
        cloud.inspect(f)
        edit("helper.py", "f = lambda: 22")
        print("edited")
        cloud.inspect(f)
    """
    before, after = output_of(place, text).split("edited")
    assert "modules" not in before
    assert "helper.py  " in after.partition("modules")[2]
