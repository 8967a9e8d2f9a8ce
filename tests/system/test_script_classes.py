"""Enums and other special classes of a script are in its jobs what they are there."""

from tests.support.processes import Place

ENUMS = """\
import dataclasses
import datetime
import enum
import picloud as cloud

class Planet(enum.Enum):
    M = (1.0, 2.0)
    E = (3.0, 4.0)
    def __init__(self, m, r): self.m = m; self.r = r
    @property
    def g(self): return self.m/self.r
class Label(enum.Enum):
    A = 1, "first"
    B = 2, "second"
    def __new__(cls, value, label):
        o=object.__new__(cls); o._value_=value; o.label=label; return o
class Coord(bytes, enum.Enum):
    def __new__(cls, value, label, unit):
        obj = bytes.__new__(cls, [value]); obj._value_ = value; obj.label = label; obj.unit = unit
        return obj
    PX = (0, 'P.X', 'km'); PY = (1, 'P.Y', 'km')
class Al(enum.Enum): X=1; Y=1; Z=2
class Perm(enum.Flag): R=1; W=2; RW=3
class Perm2(enum.IntFlag, boundary=enum.KEEP): R=1; W=2; RW=3
class EMeta(enum.EnumMeta):
    def __contains__(cls, v): return v in [m.value for m in cls]
    def extra(cls): return len(cls)
class EM(enum.Enum, metaclass=EMeta): A="a"; B="b"
@dataclasses.dataclass
class Cr:
    size: str; legs: int
class Crea(Cr, enum.Enum):
    BEET = "small", 6
    DOG = "medium", 4
class S(str, enum.Enum): A="x"; B="y"
class SE(enum.StrEnum): A=enum.auto(); B=enum.auto()
class IE(enum.IntEnum): ONE=1; TWO=2
class T(tuple, enum.Enum): P=(1,2); Q=(3,4)
class F(float, enum.Enum): H=0.5
class Au(enum.Enum):
    def _generate_next_value_(name,*a): return name.lower()
    A=enum.auto(); B=enum.auto()
    @classmethod
    def _missing_(cls, v): return cls.A
class Base(enum.Enum):
    def hi(self): return "hi "+self.name
class Der(Base): A=1; B=2
class Fn(enum.Enum):
    ADD = enum.member(lambda a,b:a+b)
    SUB = enum.member(lambda a,b:a-b)
    def __call__(self,*a): return self.value(*a)
class Mix(int):
    def twice(self): return self*2
class MI(Mix, enum.Enum): A=1; B=2
class Period(datetime.timedelta, enum.Enum): DAY=1; WEEK=7
class Day(datetime.date, enum.Enum): FIRST=2026,1,1; LAST=2026,12,31
class Time(datetime.datetime, enum.Enum): FIRST=2026,1,1,12
class Noon(datetime.time, enum.Enum): HERE=12,0

LOOKS = [
    lambda: [(p, p.m, p.r, p.g, p.value, p.name) for p in Planet],
    lambda: [(p, p.label, p.value, Label(2).label) for p in Label],
    lambda: [(p, bytes(p), p.label, p.unit, p.value, Coord(1)) for p in Coord],
    lambda: (list(Al), Al["Y"], Al.Y, dict(Al.__members__), Al(1), Al.Y is Al.X),
    lambda: (list(Perm), Perm.RW, Perm.R | Perm.W, Perm(3), ~Perm.R, dict(Perm.__members__)),
    lambda: (Perm.RW in Perm, Perm.R in Perm.RW),
    lambda: (list(Perm2), Perm2.RW, Perm2(8|1), Perm2.R|Perm2.W, int(Perm2.RW)),
    lambda: ("a" in EM, EM.extra(), EM("b"), EM.A),
    lambda: [(c, c.size, c.legs, c.value, repr(c)) for c in Crea],
    lambda: (list(S), S.A == "x", S.A.upper(), SE.B, f"{SE.A}", list(SE)),
    lambda: (IE.TWO + 1, IE(1), isinstance(IE.ONE, int)),
    lambda: (T.P[1], list(T), T((3, 4)), F.H * 2, Au.B.value, Au("zz")),
    lambda: (Der.A.hi(), list(Der), isinstance(Der.B, Base)),
    lambda: (Fn.ADD(1,2), Fn.SUB(3,1), Fn.ADD.name, len(Fn)),
    lambda: (MI.B.twice(), MI(1), MI.A+1),
    lambda: (Period.WEEK.days, Period.DAY * 7 == Period.WEEK, [repr(each) for each in Period]),
    lambda: (Day.LAST - Day.FIRST, Day.FIRST.value, Time.FIRST.hour, str(Noon.HERE)),
]
for look in LOOKS:
    for _ in range(2):
        found = cloud.result(cloud.call(look))
        assert found == look(), found
KINDS = [Planet, Label, Coord, Al, Perm, EM, Crea, S, SE, IE, T, F, Au, Der, MI, Period, Day]
for kind in (*KINDS, Time, Noon):
    members = list(kind)
    pairs = cloud.result(cloud.map(lambda member: (member, member.name), members))
    assert pairs == [(member, member.name) for member in members]
    assert all(pair[0] is member for pair, member in zip(pairs, members))
"""

MEMBERS = """\
import enum
import coded
import picloud as cloud

class Sign(enum.Enum):
    MISSING = object()

class Operation(enum.Enum):
    ADD = "+", lambda a, b: a + b

    @property
    def value(self):
        return self._value_[0]

class Slotted:
    __slots__ = ("kept",)

    def __init__(self, kept):
        self.kept = kept

class Mixed(Slotted, enum.Enum):
    A = 1

class Suit(coded.Choice):
    D = 1, "Diamond"

class Colour(coded.Coded):
    RED = "r", "Red"

NAMES = {Operation.ADD: "add"}

def first(sign=Sign.MISSING):
    return sign is Sign.MISSING

def second(sign=Sign.MISSING):
    return sign is Sign.MISSING

def look(*members):
    return (
        members, Operation.ADD._value_[1](2, 3), Operation.ADD.value, NAMES[Operation.ADD],
        Mixed.A.kept, Colour.by_code["r"] is Colour.RED, coded.KNOWN["r"] is Colour.RED,
        coded.Sign.MISSING in members, Suit.D.label,
    )

members = [Sign.MISSING, Operation.ADD, Mixed.A, Colour.RED, coded.Sign.MISSING]
for _ in range(2):
    assert cloud.result(cloud.call(first)) and cloud.result(cloud.call(second))
    assert cloud.result(cloud.call(look, *members)) == look(*members)
    assert cloud.result(cloud.map(first, [Sign.MISSING] * 4)) == [True] * 4
    there = cloud.result(cloud.map(lambda member: member, members))
    assert [a is b for a, b in zip(there, members)] == [True] * 5
"""

CODED = """\
import enum

KNOWN = {}

class Sign(enum.Enum):
    MISSING = object()

class Choice(enum.Enum):
    def __new__(cls, value, label=""):
        made = object.__new__(cls)
        made._value_, made.label = value, label
        return made

class Coded(enum.Enum):
    def __init__(self, code, label):
        self.code, self.label = code, label
        KNOWN[code] = self

    def __init_subclass__(cls):
        cls.by_code = {member.code: member for member in cls}
"""

OTHERS = """\
import collections
import typing
import picloud as cloud

class Outer:
    class Inner:
        pass

class Point(collections.namedtuple("Point", "x y")):
    __slots__ = ()

class Pair(typing.NamedTuple):
    a: int
    b: int = 2

    def total(self):
        return self.a + self.b

def look(*_):
    class Local:
        pass
    names = Outer.Inner.__qualname__, Local.__qualname__, Point.__qualname__
    return names, hasattr(Point(1, 2), "__dict__"), Point(1, 2), Pair(1), Pair(3).total()

assert cloud.result(cloud.map(look, range(4))) == [look()] * 4
assert cloud.result(cloud.map(lambda point: point.x, [Point(1, 2)] * 4)) == [1] * 4
"""


def test_enums(place: Place) -> None:
    assert place.output(place.script(ENUMS + "print('as here')\n")) == "as here\n"


def test_members_of_enums(place: Place) -> None:
    place.script(CODED, "coded.py")
    assert place.output(place.script(MEMBERS + "print('as here')\n")) == "as here\n"


def test_nested_classes_and_named_tuples(place: Place) -> None:
    assert place.output(place.script(OTHERS + "print('as here')\n")) == "as here\n"
