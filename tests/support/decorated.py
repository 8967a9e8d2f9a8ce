"""A module of functions that decorators have wrapped, and their decorators."""

TOOLS = """
import functools

SETTINGS = [1]

def plain(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

def doubled(function):
    return lambda *args: 2 * function(*args)

def retry(times, on=ValueError):
    def decorate(function):
        def wrapper(*args):
            for _ in range(times):
                try:
                    return function(*args)
                except on:
                    pass
        return wrapper
    return decorate

def asked(function):
    async def wrapper(*args):
        return function(*args)
    wrapper.__wrapped__ = function
    return wrapper

def seen(function):
    return function

def counted(function):
    count = 0
    def wrapper(*args):
        nonlocal count
        count += 1
        return function(*args) + count
    return wrapper

def remembered(function):
    known = {}
    def wrapper(x):
        return known.setdefault(x, function(x))
    return wrapper

def default(function):
    def wrapper(x, known={}):
        return known.get(x) or function(x)
    return wrapper

def tuned(function):
    def wrapper(x):
        return function(x) * wrapper.scale
    wrapper.scale = 1
    return wrapper

def marked(function):
    function.calls = 0
    def wrapper(*args):
        function.calls += 1
        return function(*args)
    return wrapper

def counted_within(function):
    count = 0
    def wrapper(*args):
        def add():
            nonlocal count
            count += 1
        add()
        return function(*args) + count
    return wrapper

def numbered(function, numbers=iter(range(1000))):
    number = next(numbers)
    return lambda *args: function(*args) + number

def noted(function):
    note = [].append
    def wrapper(*args):
        note(args)
        return function(*args)
    return wrapper

def wrapped_well(function):
    count = 0
    @functools.wraps(function)
    def wrapper(*args):
        nonlocal count
        count += 1
        return function(*args) + count
    return wrapper

def pair(function, *others):
    other = lambda x: x
    return lambda *args: other(function(*args))

def chosen(function):
    def one(x):
        return "one", function(x)
    def other(x):
        return "other", function(x)
    return one if SETTINGS else other

def perhaps(function):
    if not SETTINGS:
        return function
    def wrapper(x):
        return "wrapped", function(x)
    return wrapper

def breaker(most):
    def decorate(function):
        failures = 0
        def wrapper(x):
            nonlocal failures
            if failures >= most:
                return "open"
            try:
                return function(1 / (x + 1))
            except ZeroDivisionError:
                failures += 1
                raise
        return wrapper
    return decorate

def moving(one, other):
    def decorate(function):
        now = one
        def wrapper(x):
            nonlocal now
            now = other if now == one else one
            return function(x), now
        return wrapper
    return decorate

def from_default(function, count=0):
    def wrapper(x):
        nonlocal count
        count += 1
        return function(x) + count
    return wrapper

def times(number):
    number = number + 0
    return lambda function: lambda x: function(x) * number

class Answers:
    def __getattr__(self, name):
        return self

def asks(function, whom=Answers()):
    return lambda x: function(x) if whom.anything else None

class App:
    @staticmethod
    def task(function):
        def wrapper(*args):
            return function(*args)
        return wrapper
"""

MODULE = """
import functools
import tools
from tools import asked, plain, seen as looked_at

V = 1

def own(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

def bare(x):
    return x + V

@plain
def one(x):
    return x + V

@own
def of_its_own(x):
    return x + V

@looked_at
@tools.doubled
@plain
def two(x):
    return x + V

@tools.retry(3, on=(KeyError, ValueError))
def retried(x):
    return x + V

@asked
def asked_for(x):
    return x + V

@tools.App.task
def task(x):
    return x + V

@plain
@functools.cache
def cached(x):
    return x + V

class Model:
    @plain
    def method(self, x):
        return x + V

    @plain
    def __private(self, x):
        return x + V

    @staticmethod
    @plain
    def static(x):
        return x + V

    @classmethod
    @plain
    def of_class(cls, x):
        return x + V

    def private(self):
        return self.__private

class Sub(Model):
    pass

@tools.counted
def counts(x):
    return x + V

@tools.remembered
def remembers(x):
    return x + V

@tools.default
def has_default(x):
    return x + V

@tools.tuned
def tunes(x):
    return x + V

@tools.chosen
def is_chosen(x):
    return x + V

@tools.perhaps
def is_wrapped_perhaps(x):
    return x + V

@tools.breaker(3)
def breaks(x):
    return x + V

@tools.moving("on", "off")
def moves(x):
    return x + V

@tools.from_default
def counts_from_its_default(x):
    return x + V

@tools.times(3)
def rebinds_what_it_was_given(x):
    return x + V

@tools.asks
def asks(x):
    return x + V

@looked_at
def only_looked_at(x):
    return x + V

@tools.marked
def marks(x):
    return x + V

@tools.counted_within
def counts_within(x):
    return x + V

@tools.numbered
def has_number(x):
    return x + V

@tools.noted
def notes(x):
    return x + V

@plain
@tools.wrapped_well
def counts_below(x):
    return x + V

@tools.pair
def has_two(x):
    return x + V

@plain
def keeps(x, known=[]):
    known.append(x)
    return len(known)

@tools.retry(V)
def retried_as_often_as_is_said(x):
    return x + V

@plain
def defined_twice(x):
    return x + V

if V == 1:
    @plain
    def defined_twice(x):
        return x - V

@plain
def made_anew(x):
    return x + V

def make_anew():
    global made_anew
    made_anew = plain(made_anew)

class Odd:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __call__(self, function):
        return function

odd = Odd()

@odd
@plain
def odd_above(x):
    return x + V

def derived(cls):
    class Made(cls):
        method = vars(cls)["method"]
    Made.__name__ = cls.__name__
    return Made

@derived
class Derived:
    @plain
    def method(self, x):
        return x + V

class Meta(type):
    method = property(lambda cls: abs)

class Hidden(metaclass=Meta):
    @plain
    def method(self, x):
        return x + V
"""
