"""What a program holds of its modules, and no name finds, follows their edits as well."""

import pytest

from tests.support.processes import Place

HELD = {
    "settings.py": "RATE = {n}",
    "deco.py": """from settings import RATE
def scaled(by):
    def decorate(g):
        def wrapper(*args): return g(*args) * RATE * by
        return wrapper
    return decorate
""",
    "leaf.py": """from deco import scaled
@scaled(by=1)
def one(): return 1
def make():
    def answer(n=1): return one() * n
    return answer
""",
}


@pytest.mark.parametrize(
    ("leaf", "old", "new", "after"),
    [
        ("settings.py", "RATE = 1", "RATE = 5", "5 5"),
        ("deco.py", "* by", "* by * 5", "5 5"),
        ("leaf.py", "by=1", "by=5", "5 5"),
        ("leaf.py", "return 1", "return 5", "5 5"),
        ("leaf.py", "one() * n", "one() * n * 5", "5 1"),
        ("leaf.py", "n=1", "n=5", "5 1"),
        ("leaf.py", "def answer(n=1)", "def answer(n=5, m=1)", "5 1"),
        ("leaf.py", "def one()", "# only a comment\ndef one()", "1 1"),
    ],
)
def test_what_is_held_follows_edits_of_all_that_its_module_needs(
    place: Place, leaf: str, old: str, new: str, after: str
) -> None:
    for path, text in HELD.items():
        place.script(text.replace("{n}", "1"), path)
    program = f"""
import picloud as cloud, leaf, pathlib
answer = leaf.make()
print(*cloud.result([cloud.call(answer), cloud.call(leaf.one)]))
file = pathlib.Path({leaf!r})
_ = file.write_text(file.read_text().replace({old!r}, {new!r}))
print(*cloud.result([cloud.call(answer), cloud.call(leaf.one)]))
"""
    done = place.run(place.script(program))
    assert (done.stdout, done.stderr) == (f"1 1\n{after}\n", "")
