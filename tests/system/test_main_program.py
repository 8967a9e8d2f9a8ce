"""What a script defines is in its jobs what it is there, and stays in the script as it is."""

import pytest

from tests.support.processes import Place

START = """\
import dataclasses, enum, functools, re, sys, typing, weakref
from unittest import mock
import picloud as cloud

def there(function, *args):
    return cloud.result(cloud.call(function, *args))
"""

CHANGED = """\
class Price:
    def net(self):
        return 10

class Special(Price):
    pass

def total():
    return Special().net(), hasattr(Special, "extra")

def total_of(special):
    return special.net()

with mock.patch.object(Special, "net", lambda self: 99):
    Special.extra = True
    assert there(total) == (99, True)
    assert there(total_of, Special()) == 99
del Special.extra
assert there(total) == total() == (10, False)
assert there(total_of, Special()) == 10
"""

ADDED_BY_A_JOB = """\
RATE = 1

class Tax:
    def table(self):
        if not hasattr(Tax, "_table"):
            Tax._table = {"vat": RATE}
        return Tax._table

def pay():
    return Tax().table()["vat"]

assert there(pay) == 1
RATE = 2
assert there(pay) == 2
assert not hasattr(Tax, "_table")
"""

COUNTED_BY_A_JOB = """\
class Node:
    total = 0

    def __init__(self, n):
        self.n = n

    def bump(self):
        Node.total += self.n
        Node.seen = True
        return Node.total, self

for n in (1, 2, 3):
    total, node = there(Node(n).bump)
    assert (total, type(node), Node.total) == (n, Node, 0)
assert not hasattr(Node, "seen")
"""

READ_IN_A_JOB = """\
class Table:
    rows = 0

def make():
    Table.rows = 7
    return Table()

def parent():
    child = cloud.call(make)
    Table.rows, Table.cache = 5, {}
    return type(cloud.result(child)) is Table, Table.rows, Table.cache

assert there(parent) == (True, 5, {})
"""

REGISTERED = """\
class Base:
    known = []

    def __init_subclass__(cls):
        Base.known.append(cls)

class Plugin(Base):
    pass

for _ in range(3):
    for plugin in cloud.result(cloud.map(lambda _: Plugin(), range(3))):
        assert type(plugin) is Plugin
assert Base.known == [Plugin]
"""

DEFINED_IN_A_JOB = """\
def define():
    class Made:
        size = 1
    return Made

Made = there(define)
Made.size, Made.more = 2, True
assert cloud.result(cloud.map(lambda _: (Made.size, Made.more), range(6))) == [(2, True)] * 6
"""

OF_SEVERAL_FUNCTIONS = """\
class Kept:
    pass

def named(_):
    return hasattr(Kept, "helper")

def given(kept):
    return hasattr(kept, "helper")

for _ in range(3):
    Kept.helper = 5
    assert cloud.result(cloud.map(named, range(4))) == [True] * 4
    del Kept.helper
    assert cloud.result(cloud.map(given, [Kept()] * 4)) == [False] * 4
"""

UNDELETABLE = """\
class Meta(type):
    def __delattr__(cls, name):
        raise RuntimeError("no")

class Strict(metaclass=Meta):
    pass

class Partial(functools.partial):
    target = functools.partial.func

def mark(strict):
    strict.seen = Partial(print).target is print
    return strict.seen

assert cloud.result(cloud.map(mark, [Strict] * 4)) == [True] * 4
"""

IN_A_FUNCTION = """\
import threading
from dataclasses import dataclass, field

import cloudpickle

LIMIT = 7

def points():
    @dataclass
    class Point:
        marks: list = field(default_factory=list)
        limit: int = LIMIT

        def over(self):
            class Inner:
                twice = LIMIT * 2
            return Inner.twice
    return Point().marks, Point().limit, Point().over(), Point.__module__

assert there(points) == points() == ([], 7, 14, "__main__")
lock = threading.Lock()  # cannot travel, and is not asked for

def own_names():
    class Bound:
        lock = 5
        more = lock + 1

        @property
        def points(self):
            return 1

        @points.setter
        def points(self, value):
            pass
    return Bound.more, Bound().points

assert there(own_names) == (6, 1)

def read_before():
    class Body:
        limit = LIMIT + 1
    return Body.limit

cloudpickle.dumps(read_before)
assert there(read_before) == 8
LIMIT = 8
assert there(points) == points() == ([], 8, 16, "__main__")
"""

WITH_SLOTS = """\
class Color(enum.Enum):
    RED = 1

class Slotted:
    __slots__ = ("a", "_b", "__c")
    kinds = [Color.RED]

    def __init__(self):
        self.a, self._b, self.__c = 1, 2, 3

    def parts(self):
        return self.a, self._b, self.__c, self.kinds == [Color.RED]

    def itself(self):
        return self

@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2

class Weak:
    __slots__ = ("a", "__weakref__")

class Open(Weak):
    __slots__ = ("b", "__dict__")

class Last(Slotted):
    __slots__ = "c"

def strict(point):
    try:
        object.__setattr__(point, "z", 1)
    except AttributeError:
        return point
    raise AssertionError("it has more than its slots")

def opened(weak):
    weak.a, weak.b, weak.c = 1, 2, 3
    return weakref.ref(weak)() is weak and weak

for _ in range(3):
    assert there(Slotted().parts) == there(Slotted().itself).parts() == (1, 2, 3, True)
    assert there(Last().itself).parts() == (1, 2, 3, True)
    assert there(strict, Point(1)) == there(Point, 1) == Point(1, 2)
    back = there(opened, Open())
    assert (back.a, back.b, vars(back)) == (1, 2, {"c": 3})
"""

TYPING = """\
UserId = typing.NewType("UserId", int)
Params = typing.ParamSpec("Params")
Many = typing.TypeVarTuple("Many")
Movie = typing.TypedDict("Movie", {"title": str})

class Base(typing.TypedDict):
    a: int

class More(Base, total=False):
    b: int

class Generic(typing.Generic[Params]):
    x = 1

class Row(typing.NamedTuple):
    user: UserId

def ids(user: UserId, *many: typing.Unpack[Many]) -> UserId:
    return Row(UserId(user + 1)), UserId.__name__, UserId.__supertype__, UserId.__module__

def dicts(more: More):
    keys = [sorted(getattr(More, f"__{each}_keys__")) for each in ("required", "optional")]
    return Movie(title="x"), More(a=1), keys, More.__annotations__

if sys.version_info >= (3, 12):
    Alias = typing.TypeAliasType("Alias", list[int])
    assert there(lambda: (Alias.__name__, Alias.__value__)) == ("Alias", list[int])

assert there(ids, UserId(1)) == ids(1)
expected = {"title": "x"}, {"a": 1}, [["a"], ["b"]], {"a": int, "b": int}
assert there(dicts, More(a=1)) == dicts(1) == expected
assert there(lambda: (Generic.x, Params.__name__, Many.__name__)) == (1, "Params", "Many")
for item in (UserId, Params, Many, Movie, Base, More):
    table = {item: 5}
    assert there(lambda item: (item, table[item]), item) == (item, 5)
"""

FUNCTOOLS = """\
class Lazy:
    @functools.cached_property
    def five(self):
        "Five."
        return 5

    @functools.singledispatchmethod
    def kind(self, x):
        return "object"

    @kind.register
    def _(self, x: int):
        return "int"

@functools.singledispatch
def kind(x):
    return "object"

@kind.register
def _(x: int):
    return "int", kind("x")

kind.extra = 5

lazy = there(lambda lazy: (lazy.five, vars(lazy), Lazy.five.__doc__), Lazy())
assert lazy == (5, {"five": 5}, "Five.")
assert there(lambda: (Lazy().kind(1), Lazy().kind("x"))) == ("int", "object")
assert there(kind, 1) == kind(1) == ("int", "object")
assert there(lambda: (kind("x"), kind.extra)) == ("object", 5)
scanner = re.Scanner([("a+", lambda _, text: text)])
assert there(scanner.scan, "aab") == (["aa"], "b")
"""

SENTINELS = """\
class Sentinel:
    def __reduce__(self):
        return "MISSING"

MISSING = Sentinel()

class Point:
    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return Point, (self.x,)

assert there(lambda point: point.x, Point(5)) == 5
for refused in (lambda: there(lambda x: 1, [MISSING]), lambda: there(lambda: MISSING)):
    try:
        refused()
    except cloud.SerializationError as error:
        assert "MISSING is known by its name in the main program: define it in" in str(error)
    else:
        raise AssertionError("it was sent")
"""


@pytest.mark.parametrize(
    "program",
    [
        CHANGED,
        ADDED_BY_A_JOB,
        COUNTED_BY_A_JOB,
        READ_IN_A_JOB,
        REGISTERED,
        DEFINED_IN_A_JOB,
        OF_SEVERAL_FUNCTIONS,
        UNDELETABLE,
        IN_A_FUNCTION,
        WITH_SLOTS,
        TYPING,
        FUNCTOOLS,
        SENTINELS,
    ],
    ids=[
        "classes-that-change",
        "classes-that-a-job-adds-to",
        "classes-that-a-job-counts-in",
        "classes-of-results",
        "classes-that-know-each-other",
        "classes-of-a-job",
        "classes-of-several-functions",
        "classes-that-let-nothing-go",
        "classes-in-a-function",
        "classes-with-slots-and-enums",
        "typing",
        "functools",
        "sentinels",
    ],
)
def test_a_script_s_own_things(place: Place, program: str) -> None:
    assert place.output(place.script(START + program + "print('as here')\n")) == "as here\n"
