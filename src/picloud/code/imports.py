"""What a piece of code may import and which globals it asks for, read from its bytecode."""

import dis
from functools import lru_cache
from types import CodeType

from picloud.statemachine import value


@value
class Import:
    """One import statement: `from ..module import names`, with two dots for level 2.

    Attributes:
        names: what is taken from the module, which may be submodules of it; none for `import`.
        is_optional: the code catches that it is missing.
    """

    module: str
    names: tuple[str, ...]
    level: int
    is_optional: bool = False


@lru_cache(1024)
def read_code(code: CodeType) -> tuple[Import, ...]:
    """Read the bytecode of a function that travels by value, and of the functions inside it."""
    found: list[Import] = []
    if _IMPORT_NAME in code.co_code[::2]:
        steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
        for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):
            if step.opname == "IMPORT_NAME":
                found.append(Import(step.argval, names.argval or (), level.argval))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += read_code(constant)
    return tuple(found)


_IMPORT_NAME = dis.opmap["IMPORT_NAME"]


def names_of(one: Import, package: str) -> list[str]:
    """The absolute names of all modules that an import statement may mean.

    Args:
        package: the package that the statement stands in, for relative ones.
    """
    module = one.module
    if one.level:
        parts = package.split(".")
        kept = parts[: len(parts) - (one.level - 1)]
        if not package or not kept:
            return []  # it goes beyond the top: importing it fails everywhere
        module = ".".join([*kept, *([module] if module else [])])
    return [module, *(f"{module}.{name}" for name in one.names if name != "*")]


_GLOBAL_OPERATIONS = frozenset(
    {
        "LOAD_GLOBAL",
        "LOAD_NAME",
        "STORE_GLOBAL",
        "DELETE_GLOBAL",
        "LOAD_FROM_DICT_OR_GLOBALS",  # in class bodies, from Python 3.12 on
    }
)


@lru_cache(1024)
def global_names(code: CodeType) -> frozenset[str]:
    """The global names that a piece of code, and the functions inside it, can ask for.

    Kept by the code's value: a job that was unpickled submits the function that it is of again.
    """
    names = {
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in _GLOBAL_OPERATIONS
    }
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= global_names(constant)
    return frozenset(names)
