"""Decorators as the source of a module names them, and what these cannot but make."""

import ast
import builtins
import dis
import sys
import types
from inspect import getattr_static
from typing import Any

from picloud.code.by_name import in_place
from picloud.code.definitions import definition
from picloud.code.imports import codes_in
from picloud.statemachine import value

CONSTANTS = frozenset({int, float, complex, bool, str, bytes, type(None), type(...)})
"""Types of what a source can spell, and nothing can change."""


@value
class Decorator:
    """A decorator as a module's source names it, if that is a function.

    Attributes:
        code: what it runs.
        constant: the names of its parameters, and of functions in it, that nothing binds anew.
        given: the plain values that it was given, or has in their stead.
    """

    code: types.CodeType
    constant: frozenset[str]
    given: tuple[Any, ...]

    def has_made(self, wrapper: types.FunctionType) -> bool:
        """True if it cannot but make this wrapper, which binds none of its names anew."""
        code = self.code
        while code is not wrapper.__code__:
            inside = codes_in(code)
            if len(inside) != 1 or _has_choices(code):
                return False
            [code] = inside
        return code is not self.code and self.constant.issuperset(code.co_freevars)

    def was_given(self, item: Any) -> bool:
        """True if a wrapper may hold this of it, whenever the module is imported."""
        return any(_is_same(item, each) for each in self.given)


def makers_of(wrappers: list[types.FunctionType], wrapped: Any) -> list[Decorator] | None:
    """The decorators that have made these wrappers, in that order; None if others have."""
    module = sys.modules[wrapped.__module__]
    file = getattr(wrapped, "__wrapped__", wrapped).__code__.co_filename
    is_of_module = vars(module).get("__file__") == file
    node = definition(file, wrapped.__qualname__) if is_of_module else None
    if node is None:
        return None
    named = iter([one for each in node.decorator_list if (one := _decorator(each, module))])
    makers = [next((one for one in named if one.has_made(each)), None) for each in wrappers]
    return [one for one in makers if one] if None not in makers else None


def _decorator(decorator: ast.expr, module: types.ModuleType) -> Decorator | None:
    call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
    found = _meant(call.func, module)
    if type(found) is not types.FunctionType:
        return None
    defaults = *(found.__defaults__ or ()), *(found.__kwdefaults__ or {}).values()
    arguments = [*call.args, *(each.value for each in call.keywords)]
    given = *defaults, *(_literal(each, module) for each in arguments)
    return Decorator(
        found.__code__,
        _parameters_in(found.__code__) - _bound_anew_in(found.__code__),
        tuple(filter(_is_plain, given)),
    )


def _parameters_in(code: types.CodeType) -> frozenset[str]:
    """Of a function and of those inside it."""
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return frozenset(own).union(*map(_parameters_in, codes_in(code)))


def _bound_anew_in(code: types.CodeType) -> frozenset[str]:
    """Names that functions share and that one of them binds, or removes."""
    own = {each.argval for each in dis.get_instructions(code) if each.opname in _BIND}
    return frozenset(own).union(*map(_bound_anew_in, codes_in(code)))


_BIND = frozenset({"STORE_DEREF", "DELETE_DEREF"})


def _has_choices(code: types.CodeType) -> bool:
    return any(each.opcode in _JUMPS for each in dis.get_instructions(code))


_JUMPS = frozenset({*dis.hasjrel, *dis.hasjabs})


def _meant(decorator: ast.expr, module: types.ModuleType) -> Any:
    """What `timed` or `tools.timed` names; None where that is not plain."""
    if isinstance(decorator, ast.Name):
        return vars(module).get(decorator.id)
    if isinstance(decorator, ast.Attribute):
        return in_place(getattr_static(_meant(decorator.value, module), decorator.attr, None))
    return None


def _literal(node: ast.expr, module: types.ModuleType) -> Any:
    """What an argument is, whenever the module is imported; a new object where that is not sure."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple):
        return tuple(_literal(each, module) for each in node.elts)
    if isinstance(node, ast.Name) and node.id not in vars(module):
        return getattr(builtins, node.id, None)
    return object()


def _is_plain(item: Any) -> bool:
    """True for constants, and for classes of Python's own."""
    kind = type(item)
    if kind is tuple:
        return all(map(_is_plain, item))
    if kind is type:
        return getattr(builtins, item.__name__, None) is item
    return kind in CONSTANTS


def _is_same(one: Any, plain: Any) -> bool:
    kind = type(plain)
    if type(one) is not kind:
        return False
    if kind is tuple:
        return len(one) == len(plain) and all(map(_is_same, one, plain))
    return one is plain if kind is type else bool(one == plain)
