"""Exceptions of users: described without fail, rebuilt as what they were."""

# ruff: noqa: N818, TRY301 - these are exceptions as users write them

import json
import pickle
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest

from picloud.code import exceptions
from picloud.errors import JobError
from picloud.protocol.codec import Codec
from picloud.protocol.failures import Failure, FailureKind


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


def there_and_back(error: BaseException) -> Any:
    return exceptions.rebuild(exceptions.describe(raised(error)).exception)


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


@pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)
def test_an_exception_comes_back_with_its_class_and_its_text(error: BaseException) -> None:
    back = there_and_back(error)
    assert type(back) is type(error)
    if not isinstance(error, BadStr | Locked) and "lambda" not in str(error):
        assert str(back) == str(error)


@pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)
def test_every_failure_fits_the_wire(error: BaseException) -> None:
    failure = exceptions.describe(raised(error))
    codec = Codec({1: Failure})
    assert codec.decode(codec.encode([failure])) == [failure]


def test_attributes_come_back() -> None:
    assert there_and_back(TwoArguments(4, "x")).code == 4
    assert there_and_back(KeywordOnly(path="/x")).path == "/x"
    assert there_and_back(SET).depth == 3
    assert there_and_back(OwnNew(wanted=5)).wanted == 5
    assert there_and_back(ReadOnly(7)).status == 7
    assert there_and_back(SystemExit(3)).code == 3
    assert there_and_back(StopIteration(5)).value == 5
    assert there_and_back(json.JSONDecodeError("bad", "doc", 1)).pos == 1
    assert there_and_back(ImportError("no", name="module")).name == "module"
    error = there_and_back(FileNotFoundError(2, "No such file", "name"))
    assert (error.errno, error.filename, error.args) == (2, "name", (2, "No such file"))


def test_what_cannot_travel_is_left_out_and_named_in_a_note() -> None:
    back = there_and_back(Locked("a"))
    assert (back.text, back.args) == ("a", ("a", "<lock>"))
    assert not hasattr(back, "lock")
    assert sorted(note.split(" of ")[0] for note in back.__notes__) == [
        "[argument 1",
        "[attribute lock",
    ]


def test_causes_contexts_groups_and_notes_come_back() -> None:
    def job() -> None:
        try:
            raise TwoArguments(1, "inner")
        except TwoArguments as inner:
            error = ExceptionGroup("outer", [KeywordOnly(path="/p"), KeyError(1)])
            error.add_note("noted")
            raise error from inner

    back: Any = exceptions.rebuild(exceptions.describe(catch(job)).exception)
    assert (back.__cause__.code, back.__notes__) == (1, ["noted"])
    assert [type(each) for each in back.exceptions] == [KeywordOnly, KeyError]
    assert back.__suppress_context__
    assert type(back.__context__) is TwoArguments or back.__context__ is None


def test_a_circle_of_contexts_ends() -> None:
    first, second = ValueError(1), ValueError(2)
    first.__context__, second.__context__ = second, first
    assert there_and_back(first).__context__.args == (2,)


def test_an_endless_chain_is_cut() -> None:
    error: BaseException = ValueError(0)
    for n in range(1, 1000):
        error, cause = ValueError(n), error
        error.__cause__ = cause
    assert there_and_back(error).args == (999,)


def test_the_message_is_what_python_prints_last() -> None:
    failure = exceptions.describe(ValueError("text"))
    assert (failure.kind, failure.message) == (FailureKind.EXCEPTION, "ValueError: text")
    assert exceptions.describe(ValueError()).message == "ValueError"
    assert "its __str__ raised ZeroDivisionError" in exceptions.describe(BadStr()).message


def test_the_name_of_the_class_is_qualified() -> None:
    assert exceptions.describe(ValueError()).type_name == "ValueError"
    assert exceptions.describe(TwoArguments(1, "")).type_name == f"{__name__}.TwoArguments"


def test_the_traceback_shows_lines_and_causes() -> None:
    def job() -> None:
        try:
            raise KeyError("first")  # line one
        except KeyError as error:
            raise ValueError("second") from error  # line two

    text = exceptions.describe(catch(job)).traceback
    assert "# line one" in text
    assert "# line two" in text
    assert "direct cause" in text
    assert text.endswith("ValueError: second\n")


def through_ours(error: BaseException) -> None:
    """Raise it in a module of PiCloud."""
    code = compile("def result(error):\n    raise error", "of_picloud.py", "exec")
    names: dict[str, Any] = {"__name__": "picloud.somewhere"}
    exec(code, names)
    names["result"](error)


def test_the_traceback_of_another_job_s_error_ends_with_the_user_s_line() -> None:
    def job() -> None:
        through_ours(JobError("of a child"))

    def careful() -> None:
        try:
            through_ours(JobError("of a child"))
        except JobError as error:
            raise ExceptionGroup("several", [ValueError("mine"), error]) from error

    for each in (job, careful):
        text = exceptions.describe(catch(each)).traceback
        assert "names[" in text
        assert "JobError: of a child" in text
        assert "of_picloud.py" not in text


def test_the_traceback_of_any_other_error_shows_what_is_ours() -> None:
    def job() -> None:
        through_ours(KeyError("a fault of ours"))

    assert "of_picloud.py" in exceptions.describe(catch(job)).traceback


def test_a_long_text_is_cut_in_the_middle() -> None:
    failure = exceptions.describe(ValueError("a" * 100_000 + "z"))
    assert len(failure.message) < exceptions.MAX_MESSAGE + 100
    assert failure.message.endswith("z")


def test_large_attributes_stay_at_home() -> None:
    error = ValueError("a")
    error.data = bytes(2 << 20)  # type: ignore[attr-defined]
    back = there_and_back(error)
    assert (type(back), hasattr(back, "data")) == (ValueError, False)


def test_a_class_made_on_the_spot_comes_back_as_itself() -> None:
    class Local(LookupError):
        pass

    back = there_and_back(Local(1))
    assert isinstance(back, LookupError)
    assert type(back) is Local


def test_for_a_class_that_cannot_be_had_its_nearest_base_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("only_there")
    exec("class Gone(ValueError): pass\nclass Lost(Gone, KeyError): pass", vars(module))
    monkeypatch.setitem(sys.modules, "only_there", module)
    error = module.Lost("x")
    error.code = 5
    failure = exceptions.describe(raised(error))
    assert failure.type_name == "only_there.Lost"
    monkeypatch.delitem(sys.modules, "only_there")
    back: Any = exceptions.rebuild(failure.exception)
    assert (type(back), back.args, back.code) == (ValueError, ("x",), 5)
    assert back.__notes__ == ["[there it is a only_there.Lost, which cannot be loaded here]"]


@pytest.mark.parametrize("data", [b"", b"junk", pickle.dumps(5), pickle.dumps({"cls": 1})])
def test_bytes_that_hold_no_exception_give_nothing(data: bytes) -> None:
    assert exceptions.rebuild(data) is None


class Cramped(Exception):
    @property
    def full(self) -> int:
        return 1

    @full.setter
    def full(self, item: int) -> None:
        raise ZeroDivisionError


class OwnMemory(TwoArguments, MemoryError):
    pass


def test_a_class_with_memory_error_as_its_second_base_comes_back() -> None:
    back = there_and_back(OwnMemory(4, "four"))
    assert (type(back), str(back), back.code) == (OwnMemory, "4: four", 4)


def test_a_property_that_raises_when_it_is_set_is_passed_over() -> None:
    error = Cramped("x")
    error.__dict__["full"] = 2
    assert str(there_and_back(error)) == "x"


@pytest.mark.parametrize("letter", ["x", "é", "\udc80"])
def test_texts_too_large_to_travel_keep_their_beginning(letter: str) -> None:
    text = letter * (3 << 20)
    error = ValueError("a", text)
    error.detail = text  # type: ignore[attr-defined]
    error.add_note(text)
    back = there_and_back(error)
    start = letter * exceptions.MAX_TEXT
    assert (back.args, back.detail, back.__notes__[0]) == (("a", start), start, start)
    assert back.__notes__[1:] == [
        f"[{what} was cut to the first 65536 of its {3 << 20} characters]"
        for what in ("argument 1", "attribute detail", "this note")
    ]


def test_a_large_text_that_can_travel_is_whole() -> None:
    text = "x" * 500_000
    assert there_and_back(ValueError(text)).args == (text,)


def test_a_group_with_a_huge_message_keeps_its_members() -> None:
    back = there_and_back(ExceptionGroup("m" * (9 << 20), [KeyError(1)]))
    assert back.message == "m" * exceptions.MAX_TEXT
    assert [type(each) for each in back.exceptions] == [KeyError]


class Handle:
    """Says which jobs it stands for, as `Job` does."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __picloud_handles__(self) -> tuple[str | None, tuple[tuple[int, int], ...]]:
        return None, ((self.first, self.first + 1),)


def test_the_handles_in_an_exception_are_noted() -> None:
    error = ValueError("no", Handle(3))
    error.job = Handle(5)  # type: ignore[attr-defined]
    error.__cause__ = KeyError(Handle(7))
    assert exceptions.describe(error).handles == [3, 4, 5, 6, 7, 8]
    assert exceptions.describe(ValueError("no")).handles is None


def test_a_part_that_stays_behind_takes_its_handles_with_it() -> None:
    assert exceptions.describe(ValueError([Handle(3), lock_of_a_thread()])).handles is None


def lock_of_a_thread() -> Any:
    return threading.Lock()
