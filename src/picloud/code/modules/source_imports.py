"""Which modules a source file may import.

It is read, never run. What is imported within `try: ... except ImportError` is optional: the code
goes on without it. A module that is imported by a computed name cannot be known; that a source
does so can.
"""

import ast
import re
from collections.abc import Iterator

from picloud.code.imports import (
    IMPORTERS,
    LISTERS,
    MODULE_NAME,
    READERS,
    TOLERANT,
    Import,
    import_of,
    modules_meant,
)
from picloud.code.parsing import parsed
from picloud.statemachine import value

_SHOWN = 100

_NAMES = ("name", "package", "anchor")
"""As which parameters such functions take the name of a module."""


class _Sign:
    """A pattern that is looked for only where one of its words stands: that is found out faster."""

    def __init__(self, pattern: str, *words: str) -> None:
        self._pattern = re.compile(pattern)
        self._words = words

    def is_in(self, text: str) -> bool:
        return any(each in text for each in self._words) and bool(self._pattern.search(text))


_LOOKS_AROUND = _Sign(
    r"\b(?:iter|walk)_modules\b|\b__path__\b|\bspec_from_file_location\b",
    *("iter_modules", "walk_modules", "__path__", "spec_from_file_location"),
)
_DATA = _Sign(
    r"\b__file__\b|\bimportlib[._]resources\b|\bimport\s+resources\b|\bget_data\b",
    *("__file__", "resources", "get_data"),
)
_DATA_OF_OTHERS = _Sign(  # many a function of users is called `get_data`
    r"\.\s*__(?:file|path)__\b|\bimportlib[._]resources\b|\bimport\s+resources\b|\bpkgutil\b",
    *("__file__", "__path__", "resources", "pkgutil"),
)
_ONLY_OF_FILES = "|".join(each for each in LISTERS if each not in ("walk", "__path__"))
_LISTS = _Sign(  # `walk` and `glob` are words as well, and trees of syntax are walked, too
    rf"\b__path__\b|\bos\s*\.\s*walk\b|\bimport\b[^\n]*\b(?:walk|{_ONLY_OF_FILES})\b"
    rf"|\.\s*(?:{_ONLY_OF_FILES})\b|\b(?:{_ONLY_OF_FILES})\s*\(",
    *LISTERS,
)
_MODULE_TABLE = _Sign(r"\bsys\s*\.\s*modules\b|\bimport\s+modules\b", "modules")


@value
class Reading:
    """What a source says about what it needs.

    Attributes:
        computes_names: it imports modules by names that are computed.
        reads_data: it looks for files beside itself.
        makes_modules: it may put modules into `sys.modules`.
        flaw: why this Python cannot import it; empty if it can.
        reads_others: it may look for files of packages that it imports.
        lists: it may look which of them there are, so they may be modules.
    """

    imports: list[Import]
    computes_names: bool
    reads_data: bool
    makes_modules: bool = False
    flaw: str = ""
    reads_others: bool = False
    lists: bool = False


def read_source(source: bytes) -> Reading:
    """Read a module's source; one that is no Python imports nothing, as it cannot be imported."""
    text = source.decode("utf-8", "replace")
    try:
        body = parsed(source).body
    except SyntaxError as error:
        return Reading([], False, False, flaw=_flaw(error))
    except ValueError as error:
        return Reading([], False, False, flaw=str(error))
    except (RecursionError, MemoryError):
        return Reading([], False, False)
    reads_data, reads_others = _DATA.is_in(text), _DATA_OF_OTHERS.is_in(text)
    lists = (reads_data or reads_others) and _LISTS.is_in(text)
    has_calls = reads_others or any(each in text for each in IMPORTERS)
    calls = _Calls(body, takes_readers=reads_others) if has_calls else None
    return Reading(
        list(_statements(body, calls, is_optional=False, is_certain=True)),
        _LOOKS_AROUND.is_in(text)
        or (calls is not None and calls.computes_names)
        or (reads_data and lists),
        reads_data,
        _MODULE_TABLE.is_in(text),
        reads_others=reads_others,
        lists=lists,
    )


def _flaw(error: SyntaxError) -> str:
    line = f"line {error.lineno}: " if error.lineno else ""
    shown = f": {error.text.strip()[:_SHOWN]}" if error.text else ""
    return f"{line}{error.msg}{shown}"


class _Calls:
    """Calls of `import_module` and `__import__`, under whatever name.

    Args:
        takes_readers: calls of what reads files of packages, given their names, count as well.

    Attributes:
        computes_names: there is one whose name is no constant, or that somebody else makes.
    """

    def __init__(self, body: list[ast.stmt], *, takes_readers: bool) -> None:
        self._readers = READERS if takes_readers else frozenset()
        nodes = [node for statement in body for node in ast.walk(statement)]
        self._names = set(IMPORTERS)
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module == "importlib":
                self._names |= {each.asname or "" for each in node.names if each.name in IMPORTERS}
        plain = {
            id(node.func)
            for node in nodes
            if isinstance(node, ast.Call) and self._import(node) is not None
        }
        self.computes_names = any(
            self._is_importer(node) and id(node) not in plain for node in nodes
        )

    def inside(self, statement: ast.stmt, *, is_optional: bool) -> Iterator[Import]:
        """What the expressions of a statement import, but not those of statements inside it."""
        line = [each for each in ast.iter_child_nodes(statement) if not _holds_statements(each)]
        for node in (inner for each in line for inner in ast.walk(each)):
            found = self._import(node)
            if found is not None:
                name, package, is_imported = found
                one = import_of(name, is_optional=is_optional, is_guessed=not is_imported)
                if one.level and package:
                    for each in modules_meant(one, package):
                        yield Import(each, (), 0, is_optional)
                else:
                    yield one

    def _import(self, node: ast.AST) -> tuple[str, str, bool] | None:
        """The constant name that a call gives, the package if that is a constant, too, and whether
        the module is imported, not looked into."""
        if not isinstance(node, ast.Call):
            return None
        is_imported = self._is_importer(node.func)
        if not is_imported and _name_of(node.func) not in self._readers:
            return None
        keywords = {each.arg: each.value for each in node.keywords}
        given = [*node.args[:1], *(keywords[each] for each in _NAMES if each in keywords)]
        name = given[0] if given else None
        package = node.args[1] if len(node.args) > 1 else keywords.get("package")
        text = _constant(name)
        is_name = MODULE_NAME.fullmatch(text)
        return (text, _constant(package), is_imported) if is_name else None

    def _is_importer(self, node: ast.AST) -> bool:
        names = IMPORTERS if isinstance(node, ast.Attribute) else self._names
        return _name_of(node) in names


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "?"


def _constant(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def _holds_statements(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case)


def _statements(
    body: list[ast.stmt], calls: _Calls | None, *, is_optional: bool, is_certain: bool
) -> Iterator[Import]:
    """What is imported, at whatever depth.

    Args:
        calls: of functions that import; None if there are none.
        is_optional: what is around these statements catches that a module is missing.
        is_certain: importing the module runs them.
    """
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, (), 0, is_optional, is_certain)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Import(node.module or "", names, node.level, is_optional, is_certain)
        else:
            if calls is not None:
                yield from calls.inside(node, is_optional=is_optional)
            if isinstance(node, ast.Try | ast.TryStar):
                tolerates = is_optional or any(map(_catches_import_error, node.handlers))
                yield from _statements(node.body, calls, is_optional=tolerates, is_certain=False)
            for part in _parts(node):
                yield from _statements(
                    part,
                    calls,
                    is_optional=is_optional,
                    is_certain=is_certain and isinstance(node, ast.With | ast.ClassDef),
                )


def _parts(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements inside a statement, but for those that a `try` is about."""
    if isinstance(node, ast.Try | ast.TryStar):
        yield from (handler.body for handler in node.handlers)
        yield node.orelse + node.finalbody
    elif isinstance(node, ast.Match):
        yield from (case.body for case in node.cases)
    else:
        for name in ("body", "orelse"):
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                yield inner


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or getattr(kind, "id", "") in TOLERANT for kind in kinds)
