"""What a session sees of the user's own modules."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.code.modules.scan import Scan
from picloud.session_modules import MAX_LIMITS, ModulesOnDisk, SessionModules
from tests.support.projects import Project

ONE = frozenset({"one_of_session"})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    project = Project(tmp_path).has({"one_of_session.py": "x = 1"})
    project.loads("one_of_session")
    yield project
    del sys.modules["one_of_session"]


def settled(modules: ModulesOnDisk) -> Scan:
    """A scan of what was not changed so lately that it is looked into again."""
    scan = modules.scan(ONE, None)
    while modules.scan(ONE, None) is not scan:
        scan = modules.scan(ONE, None)
    return scan


def test_inside_a_job_there_is_nothing_to_see() -> None:
    modules = SessionModules()
    assert modules.scan(frozenset({"json"}), None).tree.files == []
    assert modules.edits(True) is None


def test_what_a_call_looked_at_for_edits_it_does_not_look_at_again(project: Project) -> None:
    modules = ModulesOnDisk(finds_extensions=False)
    before = settled(modules)
    edits = modules.edits(True)
    assert edits is not None
    assert edits.is_edited("one_of_session")  # as far as one can know: it is younger than this
    project.writes("one_of_session.py", "x = 22")
    assert modules.scan(ONE, None) is before
    assert modules.scan(ONE, None) is not before


@pytest.mark.parametrize("who", ["the next call", "another thread"])
def test_others_look_for_themselves(project: Project, who: str) -> None:
    modules = ModulesOnDisk(finds_extensions=False)
    before = settled(modules)
    edits = modules.edits(True)
    assert edits is not None
    if who == "another thread":
        thread = threading.Thread(target=edits.is_edited, args=["one_of_session"])
        thread.start()
        thread.join()
    else:
        edits.is_edited("one_of_session")
        assert modules.edits(True) is edits
    project.writes("one_of_session.py", "x = 22")
    assert modules.scan(ONE, None) is not before


def test_edits_are_remembered_for_each_limit_of_what_travels() -> None:
    modules = ModulesOnDisk(finds_extensions=False)
    first = modules.edits(("json",))
    assert modules.edits(()) is None
    assert modules.edits(True) is modules.edits(True) is not first
    assert modules.edits(("json",)) is first
    for number in range(MAX_LIMITS):
        modules.edits((f"m{number}",))
    assert modules.edits(("json",)) is not first
