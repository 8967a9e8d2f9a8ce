"""Exceptions as users write them, with what makes each of them hard to pickle."""

# ruff: noqa: N818 - these are exceptions as users write them

import json
import threading
from collections.abc import Callable
from typing import Any


class TwoArguments(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class KeywordOnly(ValueError):
    def __init__(self, *, path: str) -> None:
        super().__init__(path)
        self.path = path


class BadReduce(Exception):
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


class Lies(Exception):
    def __reduce__(self) -> Any:
        return (int, ("not a number",))


class BadStr(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Slotted(Exception):
    __slots__ = ("depth", "never_set")


class OwnNew(Exception):
    def __new__(cls, *, wanted: int) -> "OwnNew":
        self = super().__new__(cls, wanted)
        self.wanted = wanted
        return self

    wanted: int

    def __init__(self, *, wanted: int) -> None:
        pass


class Locked(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text, threading.Lock())
        self.lock = threading.Lock()
        self.text = text


class ReadOnly(Exception):
    @property
    def status(self) -> int:
        return int(self.args[0])


class Frozen(Exception):
    def __setattr__(self, name: str, item: Any) -> None:
        raise TypeError("frozen")


class OwnGroup(ExceptionGroup[Exception]):
    pass


class Cramped(Exception):
    @property
    def full(self) -> int:
        return 1

    @full.setter
    def full(self, item: int) -> None:
        raise ZeroDivisionError


class OwnMemory(TwoArguments, MemoryError):
    pass


SET = Slotted("x")


SET.depth = 3


STRANGE = [
    TwoArguments(4, "four"),
    KeywordOnly(path="/x"),
    BadReduce("a"),
    Lies("a"),
    BadStr("a"),
    SET,
    OwnNew(wanted=5),
    Locked("a"),
    ReadOnly(7),
    Frozen("a"),
    KeyError("key"),
    FileNotFoundError(2, "No such file", "name"),
    OSError("just text"),
    StopIteration(5),
    SystemExit(3),
    KeyboardInterrupt(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    UnicodeEncodeError("ascii", "\xff", 0, 1, "bad"),
    ImportError("no", name="module", path="/p"),
    SyntaxError("bad", ("file", 1, 2, "text")),
    json.JSONDecodeError("bad", "doc", 1),
    ExceptionGroup("several", [ValueError(1), TwoArguments(1, "x")]),
    OwnGroup("own", [KeyError(2)]),
    BaseExceptionGroup("base", [KeyboardInterrupt()]),
    Exception(),
    Exception("\udc80"),
    Exception(lambda: 1),
    RecursionError(),
]


def catch(job: Callable[[], Any]) -> BaseException:
    try:
        job()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("it did not raise")


def raised(error: BaseException) -> BaseException:
    def job() -> None:
        raise error

    return catch(job)
