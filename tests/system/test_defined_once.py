"""A class of a script is defined where the script says so, and not once more in each job."""

from tests.support.processes import Place

START = """\
import abc
import typing
import picloud as cloud

def there(function, *args):
    return cloud.result(cloud.call(function, *args))
"""

PLUGINS = """\
PLUGINS = []

class Plugin:
    def __init_subclass__(cls, /, key, **others):
        super().__init_subclass__(**others)
        if "run" not in vars(cls):
            raise TypeError("a plugin must run")
        PLUGINS.append((key, cls))

class First(Plugin, key="a"):
    def run(self):
        return 1

class Second(Plugin, key="b"):
    def run(self):
        return 2

def plugins(*_):
    return [(key, each.__name__, each().run()) for key, each in PLUGINS]

def given(plugin):
    return plugin.run(), len(PLUGINS)

def defined_later():
    class Third(Plugin, key="c"):
        def run(self):
            return 3
    return plugins(), Third()

expected = plugins()
for _ in range(2):
    assert cloud.result(cloud.map(plugins, range(4))) == [expected] * 4
    assert cloud.result(cloud.map(given, [First(), Second(), First()])) == [(1, 2), (2, 2), (1, 2)]
    assert cloud.result(cloud.map(plugins, [First(), Second(), First()])) == [expected] * 3
found, third = there(defined_later)
assert found == [*expected, ("c", "Third", 3)] and third.run() == 3
assert plugins() == expected
"""

METACLASSES = """\
MADE = []

class Meta(abc.ABCMeta):
    def __new__(meta, name, bases, namespace, *, tag):
        MADE.append(name)
        return super().__new__(meta, name, bases, {**namespace, "tag": tag + namespace["size"]})

    def __init__(cls, name, bases, namespace, *, tag):
        super().__init__(name, bases, namespace)

class Sized(typing.Generic[typing.TypeVar("T")], metaclass=Meta, tag="tag "):
    size = "s"

    @abc.abstractmethod
    def get(self): ...

def sized(*_):
    try:
        Sized()
    except TypeError:
        return MADE, Sized.tag, Sized[int].__args__

def defined_later():
    class More(Sized[int], tag="more "):
        size = "m"
        def get(self):
            return 4
    return MADE, More.tag, More().get(), More.__mro__[1] is Sized

assert cloud.result(cloud.map(sized, range(4))) == [(["Sized"], "tag s", (int,))] * 4
assert there(defined_later) == (["Sized", "More"], "more m", 4, True)
assert MADE == ["Sized"]
"""

CONSTANTS = """\
class Constant(type):
    def __setattr__(cls, name, value):
        raise AttributeError("constant")

class Limits(metaclass=Constant):
    most = 3

def limit(*_):
    try:
        Limits.most = 4
    except AttributeError as error:
        return Limits.most, str(error)

for most in (3, 5):
    type.__setattr__(Limits, "most", most)
    assert cloud.result(cloud.map(limit, range(4))) == [(most, "constant")] * 4
    assert cloud.result(cloud.map(limit, [Limits()] * 4)) == [(most, "constant")] * 4
"""


def test_base_classes_hear_of_it_once(place: Place) -> None:
    assert place.output(place.script(START + PLUGINS + "print('as here')\n")) == "as here\n"


def test_metaclasses_make_it_once(place: Place) -> None:
    assert place.output(place.script(START + METACLASSES + "print('as here')\n")) == "as here\n"


def test_metaclasses_are_not_asked_whether_it_may_be_filled(place: Place) -> None:
    assert place.output(place.script(START + CONSTANTS + "print('as here')\n")) == "as here\n"
