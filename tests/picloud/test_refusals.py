"""What cannot travel is refused at once, with the way to it and what to do; nothing is queued."""

import asyncio
import bz2
import contextlib
import ctypes
import functools
import gzip
import io
import lzma
import mmap
import os
import queue
import select
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import weakref
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from picloud.errors import SerializationError
from picloud.protocol.client_messages import SubmitJobs
from picloud.session import Session
from tests.support.fake_master import FakeMaster


class Client:
    """Like those of most libraries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()


class Holder:
    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class OwnThread(threading.Thread):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Slotted:
    __slots__ = ("client",)

    def __init__(self) -> None:
        self.client = Client()


class Unwilling:
    def __reduce__(self) -> Any:
        raise TypeError("I stay here")


class Hidden:
    def __getattribute__(self, name: str) -> Any:
        raise ValueError(name)


class Mute(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise ValueError("no word")


class Wordless:
    def __reduce__(self) -> Any:
        raise Mute


def a_circle() -> Any:
    """Of six, of which the third in one direction, and the fifth in the other, has a lock."""
    members = [Holder() for _ in range(6)]
    for number, member in enumerate(members):
        member.last = members[number - 1]  # type: ignore[attr-defined]
        member.next = members[(number + 1) % 6]  # type: ignore[attr-defined]
    members[2]._lock = threading.Lock()  # type: ignore[attr-defined]
    return members[0]


def an_unwilling_circle() -> Any:
    first, second = Holder(), Unwilling()
    first.next, second.next = second, first  # type: ignore[attr-defined]
    return first


def temporary_directory() -> Any:
    directory = tempfile.TemporaryDirectory()
    CLOSED.callback(directory.cleanup)
    return directory


def packed_by(module: Any, mode: str = "rb") -> Callable[[], Any]:
    """Open a file that is called `packed`, in a directory of its own."""

    def make() -> Any:
        path = os.path.join(CLOSED.enter_context(tempfile.TemporaryDirectory()), "packed")
        with module.open(path, "wb") as file:
            file.write(b"content")
        return CLOSED.enter_context(module.open(path, mode))

    return make


def an_archive() -> Any:
    archive = CLOSED.enter_context(zipfile.ZipFile(io.BytesIO(), "w"))
    archive.writestr("member", "content")
    return archive


def captures(item: Any) -> Callable[[], Any]:
    return lambda: item


def numbers() -> Iterator[int]:
    yield 1


async def later() -> None:
    """Never awaited."""


async def some() -> Any:
    yield 1


def a_future() -> Any:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    return future


def pipe_end() -> Any:
    reading, writing = os.pipe()
    os.close(writing)
    return os.fdopen(reading)


def a_frame() -> Any:
    return sys._getframe()


def a_traceback() -> Any:
    try:
        int("no number")
    except ValueError as error:
        return error.__traceback__


def a_coroutine() -> Any:
    coroutine = later()
    CLOSED.callback(coroutine.close)
    return coroutine


def a_closed_file() -> Any:
    with open(__file__) as file:
        return file


def amid_its_lines() -> Any:
    file = open(__file__)  # noqa: SIM115
    next(file)
    return file


def a_released_view() -> Any:
    view = memoryview(b"x")
    view.release()
    return view


def a_class_given_a_lock() -> Any:
    class Own:
        __slots__ = ("slot",)

    Own.lock = LOCK  # type: ignore[attr-defined]
    return Own


def a_program() -> Any:
    program = subprocess.Popen([sys.executable, "-c", ""])
    program.wait()
    return program


LOCK: Any = threading.Lock()
CLOSED = contextlib.ExitStack()

THINGS: dict[str, tuple[Callable[[], Any], str, str]] = {
    # name: how it is made, where it is found below the argument, what to do about it
    "a lock": (threading.Lock, "", "make it inside the job"),
    "a reentrant lock": (threading.RLock, "", "make it inside the job"),
    "a condition": (threading.Condition, "._lock", "make it inside the job"),
    "an event": (threading.Event, "._cond._lock", "make it inside the job"),
    "a thread": (threading.Thread, "", "start it inside the job"),
    "a thread of a class of its own": (OwnThread, "", "start it inside the job"),
    "what a thread keeps": (threading.local, "", "make it inside the job"),
    "a queue": (queue.Queue, ".mutex", "make it inside the job"),
    "a simple queue": (queue.SimpleQueue, "", "pass a list of what is in it"),
    "a generator": (numbers, "", "pass a list of its items"),
    "an async generator": (some, "", "pass the function that makes it"),
    "a coroutine": (a_coroutine, "", "pass the coroutine function"),
    "a socket": (socket.socket, "", "connect inside the job"),
    "a security context": (ssl.create_default_context, "", "make it inside the job"),
    "a database": (lambda: sqlite3.connect(":memory:"), "", "connect inside the job"),
    "a poll": (select.poll, "", "make it inside the job"),
    "a library": (lambda: ctypes.CDLL(None), "", "load it inside the job"),
    "a pointer": (lambda: ctypes.pointer(ctypes.c_int(1)), "", "pointers cannot be pickled"),
    "a view of what has no plain items": (
        lambda: memoryview((ctypes.c_char_p * 2)()),
        "",
        "pass tobytes() of it",
    ),
    "a view that was released": (a_released_view, "", "pass tobytes() of it"),
    "mapped memory": (lambda: mmap.mmap(-1, 10), "", "pass the bytes that are needed"),
    "a frame": (a_frame, "", "pass what is needed of it"),
    "a traceback": (a_traceback, "", "pass the text"),
    "a weak reference": (lambda: weakref.ref(Client), "", "pass what it refers to"),
    "a running loop's future": (
        a_future,
        "",
        "await it first",
    ),
    "a program that was started": (a_program, "", "start the program inside the job"),
    "a file open for writing": (tempfile.TemporaryFile, "", "open the file inside the job"),
    "a text file open for writing": (
        lambda: tempfile.TemporaryFile("w"),  # noqa: SIM115
        "",
        "open the file inside the job",
    ),
    "a file open for both": (
        lambda: tempfile.TemporaryFile("r+b"),  # noqa: SIM115
        "",
        "inside the job",
    ),
    "a closed file": (a_closed_file, "", "open it, or pass its name"),
    "a temporary directory": (
        temporary_directory,
        "",
        "pass its name",
    ),
    "a file without a name": (tempfile.TemporaryFile, "", "a temporary file is open for writing"),
    "a file of gzip": (packed_by(gzip), "", "open it inside the job"),
    "a text file of gzip": (packed_by(gzip, "rt"), "", "packed' is unpacked while it is read"),
    "a file of bz2": (packed_by(bz2), "", "packed' is unpacked while it is read"),
    "a text file of bz2": (packed_by(bz2, "rt"), "", "packed' is unpacked while it is read"),
    "a file of lzma": (packed_by(lzma), "", "packed' is unpacked while it is read"),
    "a file of gzip that is written": (packed_by(gzip, "wb"), "", "is open for writing"),
    "a file of gzip, buffered": (
        lambda: io.BufferedReader(packed_by(gzip)()),
        "",
        "packed' is unpacked while it is read",
    ),
    "a member of an archive": (
        lambda: an_archive().open("member"),
        "",
        "'member', an object of type zipfile.ZipExtFile, cannot",
    ),
    "an archive": (an_archive, "", "open it inside the job"),
    "a pipe": (pipe_end, "", "read it, and pass what it holds"),
    "a file amid its lines": (amid_its_lines, "", "pass the lines"),
    "an object with a lock": (Client, "._lock", "leave it out in __getstate__"),
    "deep in objects": (lambda: Holder(client=Client()), ".client._lock", "__getstate__"),
    "deep in containers": (lambda: [0, {"a": (1, Client())}], "[1]['a'][1]._lock", "__getstate__"),
    "in a class": (lambda: type("Own", (), {"lock": LOCK})(), ".__class__.lock", "__getstate__"),
    "in a class above": (
        lambda: type("Own", (type("Base", (), {"lock": staticmethod(LOCK)}),), {})(),
        ".__class__.__bases__[0].lock",
        "__getstate__",
    ),
    "in a property": (
        lambda: type("Own", (), {"lock": property(captures(LOCK))}),
        ".lock.fget.__closure__[0]",
        "inside the job",
    ),
    "in what sets a property": (
        lambda: type("Own", (), {"lock": property(fset=captures(LOCK))}),  # type: ignore[arg-type]
        ".lock.fset.__closure__[0]",
        "inside the job",
    ),
    "in an attribute that a class was given": (a_class_given_a_lock, ".lock", "inside the job"),
    "in a method": (
        lambda: type("Own", (), {"lock": captures(LOCK)})(),
        ".__class__.lock.__closure__[0]",
        "inside the job",
    ),
    "what makes the items of a dictionary": (
        lambda: defaultdict(captures(LOCK)),
        ".default_factory.__closure__[0]",
        "inside the job",
    ),
    "in a slot": (Slotted, ".client._lock", "__getstate__"),
    "in a partial": (lambda: functools.partial(len, Client()), ".args[0]._lock", "__getstate__"),
    "in a bound method": (lambda: Client().__init__, ".__self__._lock", "__getstate__"),  # type: ignore[misc]
    "in a closure": (lambda: captures(Client()), ".__closure__[0]._lock", "__getstate__"),
    "what says that it stays": (Unwilling, "", "I stay here"),
    "in a circle": (a_circle, ".next.next._lock", "__getstate__"),
    "a circle of what says that it stays": (an_unwilling_circle, ".next", "I stay here"),
    "what shows nothing of itself": (Hidden, "", "Hidden cannot be pickled: ValueError"),
    "deep in what shows nothing": (lambda: [Hidden()], "[0]", "Hidden cannot be pickled"),
    "what fails without a word": (Wordless, "", "Wordless cannot be pickled: Mute;"),
}


@pytest.mark.parametrize("name", THINGS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_is_refused_where_it_lies(master: FakeMaster, session: Session, name: str) -> None:
    make, place, remedy = THINGS[name]
    thing = make()
    for submit, way in (
        (lambda: session.call(len, thing), f"args[0]{place}"),
        (lambda: session.call(dict, key=thing), f"kwargs['key']{place}"),
        (lambda: session.map(len, [[], thing]), f"item 1: args[0]{place}"),
        (lambda: session.call(captures(thing)), f"<lambda>.__closure__[0]{place}"),
    ):
        with pytest.raises(SerializationError) as caught:
            submit()
        assert str(caught.value).startswith(f"{way}: "), str(caught.value)
        assert remedy in str(caught.value)
    assert master.told(SubmitJobs) == []
    if issubclass(type(thing), io.IOBase | tempfile._TemporaryFileWrapper):
        thing.close()  # the tracebacks keep it alive until another test
    CLOSED.close()


CONNECTION = sqlite3.connect(":memory:")


def test_a_global_that_a_function_names_is_found(master: FakeMaster, session: Session) -> None:
    with pytest.raises(SerializationError, match=r"__globals__\['CONNECTION'\]: .*connect inside"):
        session.call(eval("lambda: CONNECTION", {"CONNECTION": CONNECTION, "__name__": "__main__"}))
    assert master.told(SubmitJobs) == []


def test_text_in_memory_and_files_open_for_reading_are_no_trouble(session: Session) -> None:
    with open(__file__) as file:
        session.call(len, [file, io.StringIO("text"), io.BytesIO(b"bytes"), sys.__stdout__])


def test_a_session_is_refused_as_what_it_is(master: FakeMaster, session: Session) -> None:
    calls = lambda: session.call(len, session), lambda: session.call(captures(session.call))
    for call in calls:
        with pytest.raises(SerializationError, match=r"type picloud\.session\.Session .*; inside"):
            call()
    assert master.told(SubmitJobs) == []
