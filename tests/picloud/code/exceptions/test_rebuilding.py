"""Exceptions of users come back as what they were, whatever their constructor."""

# ruff: noqa: N818, TRY301 - these are exceptions as users write them

import json
import pickle
import sys
import types
from typing import Any

import pytest

from picloud.code.exceptions import describing
from picloud.code.exceptions.parts import MAX_TEXT
from picloud.code.exceptions.rebuilding import rebuild
from tests.support.odd_exceptions import (
    SET,
    STRANGE,
    BadStr,
    Cramped,
    KeywordOnly,
    Locked,
    OwnMemory,
    OwnNew,
    ReadOnly,
    TwoArguments,
    catch,
    raised,
)


def there_and_back(error: BaseException) -> Any:
    failure = describing.describe(raised(error))
    return rebuild(failure.exception, failure.traceback)


@pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)
def test_an_exception_comes_back_with_its_class_and_its_text(error: BaseException) -> None:
    back = there_and_back(error)
    assert type(back) is type(error)
    if not isinstance(error, BadStr | Locked) and "lambda" not in str(error):
        assert str(back) == str(error)


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
    assert sorted(note.split(" of ")[0] for note in back.__notes__[:-1]) == [
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

    back: Any = rebuild(describing.describe(catch(job)).exception)
    assert (back.__cause__.code, back.__notes__[0]) == (1, "noted")
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
    failure = describing.describe(raised(error))
    assert failure.type_name == "only_there.Lost"
    monkeypatch.delitem(sys.modules, "only_there")
    back: Any = rebuild(failure.exception)
    assert (type(back), back.args, back.code) == (ValueError, ("x",), 5)
    assert back.__notes__ == ["[there it is a only_there.Lost, which cannot be loaded here]"]


@pytest.mark.parametrize("data", [b"", b"junk", pickle.dumps(5), pickle.dumps({"cls": 1})])
def test_bytes_that_hold_no_exception_give_nothing(data: bytes) -> None:
    assert rebuild(data) is None


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
    start = letter * MAX_TEXT
    assert (back.args, back.detail, back.__notes__[0]) == (("a", start), start, start)
    assert back.__notes__[1:-1] == [
        f"[{what} was cut to the first 65536 of its {3 << 20} characters]"
        for what in ("argument 1", "attribute detail", "this note")
    ]


def test_a_large_text_that_can_travel_is_whole() -> None:
    text = "x" * 500_000
    assert there_and_back(ValueError(text)).args == (text,)


def test_a_group_with_a_huge_message_keeps_its_members() -> None:
    back = there_and_back(ExceptionGroup("m" * (9 << 20), [KeyError(1)]))
    assert back.message == "m" * MAX_TEXT
    assert [type(each) for each in back.exceptions] == [KeyError]


class Speaking(LookupError):
    def __str__(self) -> str:
        return "said"


def test_a_base_that_stands_for_a_class_says_what_that_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = describing.describe(raised(Speaking()))
    assert type(rebuild(failure.exception)) is Speaking
    monkeypatch.delattr(sys.modules[__name__], "Speaking")
    back = rebuild(failure.exception)
    assert (type(back), str(back)) == (LookupError, "said")
