"""What a piece of code may import and which globals it asks for, read from its bytecode."""

import dis
import re
from collections.abc import Iterator
from functools import lru_cache
from inspect import CO_OPTIMIZED
from types import CodeType

from cloudpickle import cloudpickle

from picloud.statemachine import value

OPTIONAL = "?"
"""The end of a name that is asked for by code which goes on without it."""

GUESSED = "??"
"""The end of what may be the name of a module, and may be something else."""

TOLERANT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
"""Who catches one of these can do without what it imports."""

IMPORTERS = frozenset({"import_module", "__import__"})
"""Functions that import what they are given the name of."""

READERS = frozenset(
    {"files", "contents", "get_data", "is_resource", "open_binary", "open_text", "path"}
    | {"read_binary", "read_text"}
)
"""Functions that may find files of the package that they are given the name of."""

LISTERS = (
    *("__path__", "glob", "iglob", "iter_modules", "iterdir", "listdir", "rglob"),
    *("scandir", "walk", "walk_packages"),
)
"""Names in code that looks which files there are, of a package perhaps."""

_PACKAGES = "pkgutil"
_RESOURCES = "importlib.resources"

MODULE_NAME = re.compile(r"\.*\w+(\.\w+)*")


@value
class Import:
    """One import statement: `from ..module import names`, with two dots for level 2.

    Attributes:
        names: what is taken from the module, which may be submodules of it; none for `import`.
        is_optional: the code catches that it is missing.
        is_certain: whoever imports the code runs the statement.
        is_guessed: it is a text that something is given which has the name of a reader of files.
    """

    module: str
    names: tuple[str, ...]
    level: int
    is_optional: bool = False
    is_certain: bool = False
    is_guessed: bool = False


def import_of(name: str, *, is_optional: bool, is_guessed: bool = False) -> Import:
    """What `import_module(name)` means; a relative name starts from the code's own package."""
    module = name.lstrip(".")
    return Import(module, (), len(name) - len(module), is_optional, is_guessed=is_guessed)


def bare(root: str) -> str:
    """The name of a module alone."""
    return root.rstrip(OPTIONAL)


@lru_cache(1024)
def read_code(code: CodeType) -> tuple[Import, ...]:
    """Read the bytecode of a function that travels by value, and of the functions inside it."""
    found: list[Import] = []
    if _IMPORT_NAME in code.co_code[::2] or not _TAKE_NAMES.isdisjoint(_names_in(code)):
        steps = [step for step in dis.get_instructions(code) if step.opname not in _IDLE]
        tolerance = _Tolerance(code, steps)
        found += _statements(steps, tolerance)
        found += _calls(steps, tolerance)
    if not _PLACES.isdisjoint(code.co_names) and _asks_where_a_module_is(code):
        found.append(Import(_RESOURCES, (), 0, is_optional=True))
    if not _MAY_BE_OF_PACKAGES.isdisjoint(code.co_names) and _LISTS.intersection(code.co_names):
        found.append(Import(_PACKAGES, (), 0, is_optional=True))
    for each in codes_in(code):
        found += read_code(each)
    return tuple(found)


def reads_data(root: str) -> bool:
    """True if code that imports this module may look for files of packages."""
    name = bare(root)
    return name == _PACKAGES or f"{name}.".startswith(f"{_RESOURCES}.")


def finds_modules(root: str) -> bool:
    """True if code that imports this module may look which modules there are."""
    return bare(root) == _PACKAGES


def _asks_where_a_module_is(code: CodeType) -> bool:
    """`module.__file__`, `package.__path__`: other ways to its data."""
    return any(
        step.argval in _PLACES and step.opname == "LOAD_ATTR" for step in dis.get_instructions(code)
    )


_TAKE_NAMES = IMPORTERS | READERS
_PLACES = frozenset({"__file__", "__path__"})
_MAY_BE_OF_PACKAGES = _PLACES | {"files"}
_LISTS = frozenset(LISTERS)
_IMPORT_NAME = dis.opmap["IMPORT_NAME"]
_IDLE = frozenset({"EXTENDED_ARG", "PUSH_NULL", "PRECALL", "NOP", "RESUME"})


def _names_in(code: CodeType) -> tuple[str, ...]:
    return code.co_names + code.co_varnames + code.co_freevars + code.co_cellvars


def _statements(steps: list[dis.Instruction], tolerance: "_Tolerance") -> Iterator[Import]:
    for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):
        if step.opname == "IMPORT_NAME":
            yield Import(step.argval, names.argval or (), level.argval, tolerance.covers(step))


def _calls(steps: list[dis.Instruction], tolerance: "_Tolerance") -> Iterator[Import]:
    """`import_module("name")`, and what is like it: the name is the first constant that is given.

    A constant that something is added to, or put into, is no name.
    """
    for place, (function, name, *rest) in enumerate(
        zip(steps, steps[1:], steps[2:], steps[3:], strict=False)
    ):
        if (
            function.argval in _TAKE_NAMES
            and function.opname.startswith("LOAD_")
            and isinstance(name.argval, str)
            and name.opname == "LOAD_CONST"
            and MODULE_NAME.fullmatch(name.argval)
            and not _goes_on(*rest)
            and (function.argval in IMPORTERS or _is_called(steps[place:]))
        ):
            package = rest[0].argval if rest[0].opname == "LOAD_CONST" else None
            is_optional = tolerance.covers(function)
            if function.argval in READERS:
                yield import_of(name.argval, is_optional=is_optional, is_guessed=True)
            else:
                yield from _named(name.argval, package, is_optional=is_optional)


def _is_called(steps: list[dis.Instruction]) -> bool:
    """True if what the first step loads is called with what the next ones do: `path("pack")` is,
    `join(path, "pack")` calls something else."""
    loaded = 0
    for step in steps[1:]:
        if step.opname.startswith("CALL"):
            has_names = step.opname == "CALL_KW"  # the last of what is loaded
            return bool(step.argval == loaded - has_names)
        if not step.opname.startswith(_ARGUMENTS):
            return False
        loaded += dis.stack_effect(step.opcode, step.arg, jump=False)
    return False


_ARGUMENTS = (
    *("LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL", "LOAD_DEREF", "KW_NAMES"),
    *("BINARY_OP", "FORMAT_", "CONVERT_VALUE", "BUILD_"),
)


def _goes_on(step: dis.Instruction, after: dis.Instruction) -> bool:
    """True if a text is put together that begins with a constant."""
    return step.opname.startswith(("LOAD_METHOD", "LOAD_ATTR", "BINARY_", "FORMAT_")) or (
        step.opname.startswith("LOAD_") and after.opname.startswith(("BINARY_", "FORMAT_"))
    )


def _named(name: str, package: object, *, is_optional: bool) -> Iterator[Import]:
    one = import_of(name, is_optional=is_optional)
    if one.level and isinstance(package, str):
        for each in modules_meant(one, package):
            yield Import(each, (), 0, is_optional)
    else:
        yield one


class _Tolerance:
    """Which steps of a piece of code stand within `try: ... except ImportError`."""

    def __init__(self, code: CodeType, steps: list[dis.Instruction]) -> None:
        self._entries = dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]
        self._steps = steps
        self._places = {step.offset: place for place, step in enumerate(steps)}

    def covers(self, step: dis.Instruction) -> bool:
        """True if a handler goes on where the step finds no module."""
        offset, seen = step.offset, set()
        while offset not in seen:
            seen.add(offset)
            for entry in self._entries:
                if entry.start <= offset < entry.end:
                    offset = entry.target  # what it lets pass goes to the handler around it
                    break
            else:
                return False
            if self._tolerates(offset):
                return True
        return False

    def _tolerates(self, offset: int) -> bool:
        """Look at a handler: at the classes that it compares with, one clause after the other."""
        place = self._places.get(offset, len(self._steps))
        if place == len(self._steps) or self._steps[place].opname != "PUSH_EXC_INFO":
            return False  # it only tidies up, as comprehensions do
        place += 1
        if place < len(self._steps) and self._steps[place].opname == "POP_TOP":
            return True  # a bare `except:`
        while place < len(self._steps):
            step = self._steps[place]
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                if step.argval in TOLERANT:
                    return True
            elif step.opname.startswith("POP_JUMP") and isinstance(step.argval, int):
                place = self._places.get(step.argval, len(self._steps))
                continue
            elif step.opname not in ("CHECK_EXC_MATCH", "BUILD_TUPLE", "LOAD_ATTR", "TO_BOOL"):
                return False
            place += 1
        return False


def names_of(one: Import, package: str) -> list[str]:
    """The absolute names of all modules that an import statement may mean.

    Those that the code can do without end in `OPTIONAL`, what may be none in `GUESSED`.

    Args:
        package: the package that the statement stands in, for relative ones.
    """
    names = modules_meant(one, package)
    end = GUESSED if one.is_guessed else OPTIONAL if one.is_optional else ""
    return [name + end for name in names]


def modules_meant(one: Import, package: str) -> list[str]:
    """The same names as they are."""
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

    What a class body binds itself and then reads is none of them. Kept by the code's value: a job
    that was unpickled submits the function that it is of again.
    """
    steps = list(dis.get_instructions(code))
    asked_for = {each.argval for each in steps if each.opname in _GLOBAL_OPERATIONS}
    bound = {each.argval for each in steps if each.opname == "STORE_NAME"}
    return frozenset(asked_for - bound).union(*map(global_names, codes_in(code)))


def tell_globals(code: CodeType) -> None:
    """Tell cloudpickle of the globals that class bodies in a function name, which it overlooks."""
    if _has_class_body(code):
        names = sorted(global_names(code) - {"__name__"})
        cloudpickle._extract_code_globals_cache[code] = dict.fromkeys(names)


def _has_class_body(code: CodeType) -> bool:
    return any(not _is_function(each) or _has_class_body(each) for each in codes_in(code))


def codes_in(code: CodeType) -> list[CodeType]:
    """What the functions and the class bodies run that stand in a piece of code."""
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & CO_OPTIMIZED)
