"""What a decorator of a module has put in the place of a function without `functools.wraps`.

With it a wrapper bears the name of the function, and is found by that. Without it the wrapper knows
no name; but it holds the function, and where the function should be, there is the wrapper. So it
goes by that name, too, if the module's own source says that its decorators have made it, and if it
holds nothing else than what they were given there. What is not that plain travels as it is.
"""

import ast
import builtins
import dis
import functools
import sys
import types
from inspect import getattr_static
from typing import Any
from weakref import WeakKeyDictionary

from picloud.code.by_name import (
    Held,
    function_of,
    held,
    in_place,
    is_importable,
    is_module_importable,
    mangled,
)
from picloud.code.definitions import definition
from picloud.statemachine import value

_MAX_DECORATORS = 32
"""Of one function."""

_LOCAL = ".<locals>."

_CACHED = functools._lru_cache_wrapper

_CONSTANTS = frozenset({int, float, complex, bool, str, bytes, type(None), type(...)})


def found_in(function: types.FunctionType) -> str | None:
    """The module in which others find a function by a name; None for one that travels itself."""
    module: Any = function.__module__
    if isinstance(module, str) and is_importable(function, module, function.__qualname__):
        return module
    place = held(function) or held_as_wrapper(function)
    if place is None:
        return None
    space = place[1][0]
    return space.__module__ if isinstance(space, type) else space.__name__


def held_as_wrapper(function: types.FunctionType) -> Held | None:
    """How to find a wrapper by the name of what it wraps; None for all else."""
    line = _line_of(function) if _LOCAL in function.__qualname__ else None
    if line is None:
        return None
    *wrappers, wrapped = line
    place = _place_of(wrapped)
    if place is None or in_place(vars(place[0]).get(place[1])) is not function:
        return None
    if function not in _made_by:
        _made_by[function] = _makers(wrappers, wrapped)
    made_by = _made_by[function]
    if made_by is None or not all(map(_holds_only, wrappers, line[1:], made_by)):
        return None
    is_method = isinstance(place[0], type)
    return function_of if is_method else getattr, place


def _line_of(function: types.FunctionType) -> list[Any] | None:
    """The wrapper, what it wraps, and so on to what has a name of its own."""
    line: list[Any] = [function]
    while _LOCAL in (getattr(line[-1], "__qualname__", None) or ""):
        inside = [each for each in _contents(line[-1]) if _is_function(each)]
        if len(inside) != 1 or len(line) > _MAX_DECORATORS:
            return None
        line += inside
    return line if _is_bare(line[-1]) and all(map(_is_of_importable_module, line)) else None


def _is_function(item: Any) -> bool:
    """True for functions, and for what `functools.cache` has made of one."""
    return type(item) is types.FunctionType or type(item) is _CACHED


def _is_of_importable_module(function: Any) -> bool:
    module = getattr(function, "__module__", None)
    return isinstance(module, str) and is_module_importable(module)


def _contents(function: Any) -> list[Any]:
    try:
        return [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    except ValueError:  # one is not filled
        return []


def _is_bare(wrapped: Any) -> bool:
    """True for a function as a `def` alone makes it: nothing in it can have changed."""
    function = wrapped.__wrapped__ if type(wrapped) is _CACHED else wrapped
    if type(function) is not types.FunctionType or function.__closure__ or vars(function):
        return False
    if getattr(wrapped, "__qualname__", None) != function.__qualname__:
        return False
    defaults = *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()
    return all(type(each) in _CONSTANTS for each in defaults)


def _place_of(function: Any) -> tuple[Any, str] | None:
    """The module or the class in which a function is found by its name, and its name there."""
    name, module = function.__qualname__, function.__module__
    space = sys.modules.get(module)
    above = module.rpartition(".")[0]
    if type(space) is not types.ModuleType or (above and above not in sys.modules):
        return None
    owner, _, name = name.rpartition(".")
    if not owner:
        return space, name
    cls: Any = space
    for each in owner.split("."):
        cls = vars(cls).get(each) if isinstance(cls, type | types.ModuleType) else None
    if not isinstance(cls, type) or (cls.__module__, cls.__qualname__) != (module, owner):
        return None
    name = mangled(cls, name)
    is_hidden = getattr_static(type(cls), name, None) is not None  # by its metaclass
    return None if is_hidden else (cls, name)


# ---------------------------------------------------------------------- what the source says


@value
class _Maker:
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
            inside = _inside(code)
            if len(inside) != 1 or _has_choices(code):
                return False
            [code] = inside
        return code is not self.code and self.constant.issuperset(code.co_freevars)


_made_by: WeakKeyDictionary[types.FunctionType, list[_Maker] | None] = WeakKeyDictionary()
"""What the source said of a wrapper when that was first sent: an edit may say something else."""


def _makers(wrappers: list[types.FunctionType], wrapped: Any) -> list[_Maker] | None:
    """The decorators that have made these wrappers, in that order; None if others have."""
    module = sys.modules[wrapped.__module__]
    file = getattr(wrapped, "__wrapped__", wrapped).__code__.co_filename
    is_of_module = vars(module).get("__file__") == file
    node = definition(file, wrapped.__qualname__) if is_of_module else None
    if node is None:
        return None
    named = iter([one for each in node.decorator_list if (one := _maker(each, module))])
    makers = [next((one for one in named if one.has_made(each)), None) for each in wrappers]
    return [one for one in makers if one] if None not in makers else None


def _maker(decorator: ast.expr, module: types.ModuleType) -> _Maker | None:
    call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
    found = _meant(call.func, module)
    if type(found) is not types.FunctionType:
        return None
    defaults = *(found.__defaults__ or ()), *(found.__kwdefaults__ or {}).values()
    arguments = [*call.args, *(each.value for each in call.keywords)]
    given = *defaults, *(_literal(each, module) for each in arguments)
    return _Maker(
        found.__code__,
        _parameters_in(found.__code__) - _bound_anew_in(found.__code__),
        tuple(filter(_is_plain, given)),
    )


def _parameters_in(code: types.CodeType) -> frozenset[str]:
    """Of a function and of those inside it."""
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return frozenset(own).union(*map(_parameters_in, _inside(code)))


def _bound_anew_in(code: types.CodeType) -> frozenset[str]:
    """Names that functions share and that one of them binds, or removes."""
    own = {each.argval for each in dis.get_instructions(code) if each.opname in _BIND}
    return frozenset(own).union(*map(_bound_anew_in, _inside(code)))


_BIND = frozenset({"STORE_DEREF", "DELETE_DEREF"})


def _has_choices(code: types.CodeType) -> bool:
    return any(each.opcode in _JUMPS for each in dis.get_instructions(code))


_JUMPS = frozenset({*dis.hasjrel, *dis.hasjabs})


def _inside(code: types.CodeType) -> list[types.CodeType]:
    return [each for each in code.co_consts if isinstance(each, types.CodeType)]


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


# ---------------------------------------------------------------------- what it holds


def _holds_only(wrapper: types.FunctionType, wrapped: Any, maker: _Maker) -> bool:
    """True if a wrapper holds nothing but what it wraps and what its decorator was given."""
    if wrapper.__defaults__ or wrapper.__kwdefaults__:
        return False
    if any(name != "__wrapped__" or item is not wrapped for name, item in vars(wrapper).items()):
        return False
    held = [each for each in _contents(wrapper) if each is not wrapped]
    return all(any(_same(each, given) for given in maker.given) for each in held)


def _is_plain(item: Any) -> bool:
    """True for constants, and for classes of Python's own."""
    kind = type(item)
    if kind is tuple:
        return all(map(_is_plain, item))
    if kind is type:
        return getattr(builtins, item.__name__, None) is item
    return kind in _CONSTANTS


def _same(one: Any, plain: Any) -> bool:
    kind = type(plain)
    if type(one) is not kind:
        return False
    if kind is tuple:
        return len(one) == len(plain) and all(map(_same, one, plain))
    return one is plain if kind is type else bool(one == plain)
