"""Packages that nobody here wrote, copied beside a program: so they are the user's own."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.support.processes import Place
from tests.support.served import Served

PROGRAMS: dict[str, tuple[list[str], str, str]] = {
    # name: packages, what is asked of a job, the answer
    "jinja2": (
        ["jinja2", "markupsafe"],
        "jinja2.Template('{{ x | join(\"-\") }} {{ y | e }}').render(x=[1, 2], y='<')",
        "1-2 &lt;",
    ),
    "networkx": (
        ["networkx"],
        "networkx.shortest_path(networkx.path_graph(5), 0, 4)",
        "[0, 1, 2, 3, 4]",
    ),
    "sympy": (
        ["sympy", "mpmath"],
        "sympy.integrate(sympy.Symbol('x') ** 2, (sympy.Symbol('x'), 0, 3))",
        "9",
    ),
    "pygments": (
        ["pygments"],
        "pygments.lex('x = 1', __import__('pygments.lexers').lexers.PythonLexer()).__next__()[1]",
        "x",
    ),
    "attr": (
        ["attr", "attrs"],
        "attr.asdict(attr.make_class('C', ['x', 'y'])(1, y=2))",
        "{'x': 1, 'y': 2}",
    ),
}

PROGRAM = """
import picloud as cloud
import {name}

def ask():
    import {name}
    return str({question}), {name}.__file__

answer, file = cloud.result(cloud.call(ask))
assert {name}.__file__ != file and "site-packages" not in {name}.__file__ + file, file
print(answer)
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_package_travels_and_works(name: str, served_cloud: Served, place: Place) -> None:
    packages, question, answer = PROGRAMS[name]
    for package in packages:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).parent
        # Compiled parts stay where they are: the pure ones have to do.
        shutil.copytree(
            source, place.work / package, ignore=shutil.ignore_patterns("*.so", "*.pyc")
        )
    program = place.script(PROGRAM.format(name=name, question=question))
    done = place.run(program, env=served_cloud.environment())
    assert (done.stdout, done.stderr) == (f"{answer}\n", "")
