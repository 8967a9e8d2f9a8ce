"""Breaks a copy of the source on purpose and runs tests against it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAILED = 1
"""Exit status of pytest when tests ran and some failed; another one means that none could run."""


@dataclass(frozen=True)
class Bug:
    """One mistake that somebody could make.

    Attributes:
        name: what is wrong, in words.
        file: the module, below `src`.
        right, wrong: the text that is there once, and what takes its place.
        tests: what should find it.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: str

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def planted(bug: Bug, directory: Path) -> Path:
    """Copy the source and put the bug in; return the copy."""
    copy = directory / "src"
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    module = copy / bug.file
    text = module.read_text()
    assert text.count(bug.right) == 1, f"{bug.file} does not hold this once: {bug.right!r}"
    module.write_text(text.replace(bug.right, bug.wrong))
    return copy


def run(tests: str, source: Path) -> "subprocess.CompletedProcess[str]":
    """Run tests of this project against another copy of its source."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile", "planted"]
    command = [sys.executable, "-m", "pytest", *options, *tests.split()]
    environment = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
