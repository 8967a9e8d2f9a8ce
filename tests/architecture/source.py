"""The source as these tests see it: parsed, never imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"


@dataclass(frozen=True)
class Module:
    """One file under src."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether this is the `__init__` of a package."""
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True, repr=False)
class Import:
    """One name that a module imports, with the place where it does."""

    importer: Module
    target: str  # a module under src by its full name, anything else by what the statement says
    line: int
    in_function: bool
    for_checkers: bool  # under TYPE_CHECKING

    def __repr__(self) -> str:
        return f"{self.importer.path.relative_to(ROOT)}:{self.line} imports {self.target}"


def python_files(*folders: str) -> list[Path]:
    """Every Python file below these folders of the repository."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def modules() -> dict[str, Module]:
    """Every module under src by name; there is no run of these tests without any."""
    found = {}
    for path in python_files("src"):
        parts = path.relative_to(SRC).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(), str(path)))
    assert found, f"no modules under {SRC}"
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import under src: at module level, under TYPE_CHECKING and inside functions."""
    return tuple(
        Import(module, target, node.lineno, in_function, for_checkers)
        for module in modules().values()
        for node, in_function, for_checkers in _import_statements(module.tree)
        for target in _targets(module, node)
    )


def within(name: str, package: str) -> bool:
    """Whether a dotted name is this package or something inside it."""
    return name == package or name.startswith(package + ".")


def _import_statements(
    tree: ast.AST, in_function: bool = False, for_checkers: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, in_function, for_checkers
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        is_check = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        yield from _import_statements(node, in_function or is_function, for_checkers or is_check)


def _targets(module: Module, node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        above = module.package.split(".")
        base = ".".join([*above[: len(above) - node.level + 1], *base.split(".")]).rstrip(".")
    submodules = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in modules() else base for name in submodules]
