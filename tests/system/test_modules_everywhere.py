"""A program is told the same of its own modules on this machine as on a cluster."""

import shutil
from pathlib import Path

import markupsafe._speedups
import pytest

from tests.support.processes import Place
from tests.support.served import Served

LEAF = {"leaf.py": "def answer(): return 1"}
POINTS = {"points.py": "class P:\n    def __init__(self, x): self.x = x\ndef make(x): return P(x)"}
PARTS = "import points\nparts = cloud.map(points.make, range(3))\n"
START = "import picloud as cloud, types, sys\n"
ASK = "print(cloud.result(cloud.call(f)))"

ANSWERS: dict[str, tuple[dict[str, str], str, str]] = {
    # name: files, program, what it prints
    "a constant name in the program": (
        LEAF,
        f"f = lambda: __import__('leaf').answer()\n{ASK}",
        "1",
    ),
    "a constant name that a method is given": (
        LEAF,
        f"import importlib\nf = lambda: importlib.import_module('leaf').answer()\n{ASK}",
        "1",
    ),
    "a constant name that a function is given": (
        LEAF,
        f"from importlib import import_module\nf = lambda: import_module('leaf').answer()\n{ASK}",
        "1",
    ),
    "a constant name in a module": (
        {**LEAF, "mod.py": "from importlib import import_module as load\n"
        "def f(): return load('leaf').answer()"},
        f"from mod import f\n{ASK}",
        "1",
    ),
    "a constant that is pickled by its name": (
        {"leaf.py": "class C:\n    n = 1\n    def __reduce__(self): return 'IT'\nIT = C()"},
        f"from leaf import IT\ndef f(it=IT): return it.n\n{ASK}",
        "1",
    ),
    "a module in memory that travels by value": (
        {},
        "import cloudpickle\n"
        "mem = sys.modules['mem'] = types.ModuleType('mem')\n"
        "exec('x = 1\\ndef g(): return x', mem.__dict__)\n"
        "cloudpickle.register_pickle_by_value(mem)\n"
        f"f = lambda: mem.g()\n{ASK}\nf = mem.g\n{ASK}",
        "1\n1",
    ),
    "a module in memory that only another function needs": (
        LEAF,
        "mem = sys.modules['mem'] = types.ModuleType('mem')\n"
        "def g(): return mem.x\n"
        f"import leaf\nf = lambda: leaf.answer()\n{ASK}",
        "1",
    ),
    "a package in the place of a loaded module": (
        LEAF,
        "import leaf, pathlib\nf = leaf.answer\n"
        f"{ASK}\n"
        "pathlib.Path('leaf.py').unlink()\npathlib.Path('leaf').mkdir()\n"
        "pathlib.Path('leaf/__init__.py').write_text('def answer(): return 22')\n"
        f"{ASK}",
        "1\n22",
    ),
    "the result of a job whose handle is captured": (
        POINTS,
        f"{PARTS}f = lambda: sum(p.x for p in cloud.result(parts))\n{ASK}",
        "3",
    ),
    "the results of jobs whose handles are items": (
        POINTS,
        f"{PARTS}print(cloud.result(cloud.map(lambda p: cloud.result(p).x, parts)))",
        "[0, 1, 2]",
    ),
    "the result of a job that is waited for": (
        POINTS,
        f"{PARTS}jids = list(map(int, parts))\n"
        "job = cloud.call(lambda: cloud.result(jids[2]).x, _depends_on=parts)\n"
        "print(cloud.result(job))",
        "2",
    ),
    "what such a job would be sent": (
        POINTS,
        f"{PARTS}import contextlib, io\nf = lambda: sum(p.x for p in cloud.result(parts))\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n    found = cloud.inspect(f)\n"
        "print([part.place for part in found.modules])",
        "['points.py']",
    ),
    "a result that another job has passed on": (
        POINTS,
        f"{PARTS}job = cloud.call(lambda: cloud.result(parts[2]))\n"
        f"f = lambda: cloud.result(job).x\n{ASK}",
        "2",
    ),
    "an error of a class of a job's module": (
        {"own.py": "class Base(Exception): pass\nclass Child(Base): pass\n"
         "def fail(): raise Child('no')"},
        "import own\nbad = cloud.call(own.fail)\n"
        "def f():\n    try:\n        cloud.result(bad)\n    except Exception as error:\n"
        f"        return 'Base' in [kind.__name__ for kind in type(error).__mro__]\n{ASK}",
        "True",
    ),
    "a job that waits for one whose module is broken by now": (
        POINTS,
        f"{PARTS}cloud.result(parts)\nimport pathlib\n"
        "_ = pathlib.Path('points.py').write_text('def (')\n"
        "print(cloud.result(cloud.call(lambda: 1, _depends_on=parts)))",
        "1",
    ),
    "entries of the path that Python passes over": (
        LEAF,
        f"sys.path[:0] = [b'lib', 5]\nimport leaf\nf = leaf.answer\n{ASK}",
        "1",
    ),
}  # fmt: skip


@pytest.fixture(params=["embedded", "served"])
def variables(request: pytest.FixtureRequest, served_cloud: Served, place: Place) -> dict[str, str]:
    """Of a program: where its jobs run."""
    return served_cloud.environment() if request.param == "served" else place.environment()


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_reached_is_there(place: Place, variables: dict[str, str], name: str) -> None:
    files, text, answer = ANSWERS[name]
    for path, content in files.items():
        place.script(content, path)
    done = place.run(place.script(START + text), env=variables)
    assert (done.stdout, done.stderr) == (f"{answer}\n", "")


FAILURES: dict[str, tuple[dict[str, str], str, list[str]]] = {
    # name: files, program, what its traceback ends with
    "a computed name": (
        LEAF,
        f"f = lambda name='le' + 'af': __import__(name).answer()\n{ASK}",
        ["ModuleNotFoundError: No module named 'leaf'", "import leaf in the function"],
    ),
    "no modules are to travel": (
        LEAF,
        "import leaf\ncloud.result(cloud.call(leaf.answer, _transfer_modules=False))",
        ["has no module 'leaf'"],
    ),
    "other modules are to travel": (
        {**LEAF, "other.py": ""},
        "import leaf\ncloud.result(cloud.call(leaf.answer, _transfer_modules=['other']))",
        ["has no module 'leaf'"],
    ),
    "a module that there is not is to travel": (
        LEAF,
        "import leaf\ncloud.call(leaf.answer, _transfer_modules=['leav'])",
        ["ValueError: transfer_modules: there is no module 'leav' here; did you mean 'leaf'?"],
    ),
    "so it is for a function that needs none": (
        LEAF,
        "cloud.call(abs, 1, _transfer_modules=['leav'])",
        ["ValueError: transfer_modules: there is no module 'leav' here; did you mean 'leaf'?"],
    ),
    "a result that needs a module which may not travel": (
        POINTS,
        f"{PARTS}cloud.result(cloud.call(lambda: cloud.result(parts), _transfer_modules=False))",
        ["ModuleNotFoundError: No module named 'points'", "import points in its function"],
    ),
    "a module in memory": (
        {},
        "mem = sys.modules['mem'] = types.ModuleType('mem')\n"
        "exec('x = 1\\ndef g(): return x', mem.__dict__)\ng = mem.g\n"
        "def f(): return g()\nassert cloud.inspect(f).refused\ncloud.call(f)",
        ["SerializationError: f.__globals__['g']: mem: module mem is in the memory of this "
         "program only", "register_pickle_by_value(mem)"],
    ),
    "a module in memory that is imported": (
        {"leaf.py": "def answer():\n    import mem\n    return 1"},
        "mem = sys.modules['mem'] = types.ModuleType('mem')\n"
        "import leaf\ncloud.call(abs, leaf.answer)",
        ["SerializationError: args[0]: mem <- leaf: module mem is in the memory"],
    ),
    "a file beside a module that is in no package": (
        {"leaf.py": "from pathlib import Path\n"
         "def answer(): return Path(__file__).with_name('n.txt').read_text()", "n.txt": "1"},
        f"import leaf\nf = leaf.answer\n{ASK}",
        ["FileNotFoundError: ", "travel only if the module is in a package"],
    ),
    "a module that was broken by an edit": (
        {**LEAF, "mod.py": "import leaf\ndef f(): return leaf.answer()"},
        "import mod, pathlib\n"
        "_ = pathlib.Path('leaf.py').write_text('x = 1\\ndef answer(: return 1')\n"
        "cloud.call(mod.f)",
        ["SerializationError: ", "leaf <- mod: ", "leaf.py, line 2: ", "def answer(: return 1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_not_is_told(place: Place, variables: dict[str, str], name: str) -> None:
    files, text, parts = FAILURES[name]
    for path, content in files.items():
        place.script(content, path)
    done = place.run(place.script(START + text), env=variables)
    assert done.returncode == 1
    _, first, text = done.stderr.partition(parts[0])
    assert first, done.stderr
    assert [part for part in parts[1:] if part not in text] == []


COMPILED = {
    "fast.py": "from pack import _speedups, name\ndef answer(): return _speedups.__name__ + name",
    "pack/__init__.py": "name = '!'",
}


def test_a_compiled_module_in_a_package_is_found_by_jobs_on_this_machine(place: Place) -> None:
    for path, content in COMPILED.items():
        place.script(content, path)
    source = Path(markupsafe._speedups.__file__)
    shutil.copy(source, place.work / "pack" / source.name)
    program = (
        f"{START}import fast, pack, os\nf = fast.answer\n{ASK}\n{ASK}\nprint(cloud.inspect(f))\n"
    )
    done = place.run(place.script(program))
    assert done.stderr == ""
    assert done.stdout.splitlines()[:2] == ["pack._speedups!"] * 2
    assert "says where compiled modules lie: pack._speedups" in done.stdout


def test_elsewhere_it_is_refused(served_cloud: Served, place: Place) -> None:
    for path, content in COMPILED.items():
        place.script(content, path)
    source = Path(markupsafe._speedups.__file__)
    shutil.copy(source, place.work / "pack" / source.name)
    program = place.script(f"{START}import fast\nf = fast.answer\n{ASK}\n")
    done = place.run(program, env=served_cloud.environment())
    assert "answer: pack._speedups <- fast: " in done.stderr
    assert "is compiled for this machine and cannot travel" in done.stderr


def test_an_edited_function_may_take_other_arguments(place: Place) -> None:
    place.script("def f(): return 1", "leaf.py")
    program = """
import picloud as cloud, leaf, pathlib
print(cloud.result(cloud.call(leaf.f)))
_ = pathlib.Path("leaf.py").write_text("def f(x, *, more=0): return x + more")
print(cloud.result(cloud.call(leaf.f, 20, more=1)), *cloud.result(cloud.map(leaf.f, [1, 2])))
try:
    cloud.call(leaf.f, 1, 2)
except TypeError as error:
    print(error)
"""
    done = place.run(place.script(program))
    refusal = "f() takes 1 positional argument but 2 were given"
    assert (done.stdout, done.stderr) == (f"1\n21 1 2\n{refusal}\n", "")
