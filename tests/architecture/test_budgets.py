"""How long things may be: what fits in the eye gets read."""

import ast
from collections.abc import Iterator

from tests.architecture.source import ROOT, python_files

MODULE_LINES = 400
FUNCTION_LINES = 60
CLASS_METHODS = 20

FOLDERS = ["src", "tests", "benchmarks", "examples", "docs"]


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every node of every file, with a label that leads to it."""
    for path in python_files(*FOLDERS):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def test_the_source_is_found() -> None:
    assert python_files("src")
    assert python_files("tests")


def test_a_module_has_at_most_400_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_files(*FOLDERS)}
    assert {path: length for path, length in lengths.items() if length > MODULE_LINES} == {}


def test_a_function_has_at_most_60_lines() -> None:
    lengths = {
        f"{place} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for place, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {place: length for place, length in lengths.items() if length > FUNCTION_LINES} == {}


def test_a_class_has_at_most_20_methods() -> None:
    counts = {
        f"{place} {node.name}": sum(
            isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body
        )
        for place, node in nodes()
        if isinstance(node, ast.ClassDef)
    }
    assert {place: count for place, count in counts.items() if count > CLASS_METHODS} == {}
