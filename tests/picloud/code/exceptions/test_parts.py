"""How much of an exception, and of what comes with it, travels: the near and the small first."""

from typing import Any

import pytest

from picloud.code import values
from picloud.code.exceptions.links import MAX_DEPTH, MAX_EXCEPTIONS
from picloud.code.exceptions.parts import MAX_RECORD, pickled
from picloud.code.exceptions.rebuilding import rebuild
from tests.support.odd_exceptions import KeywordOnly


def there_and_back(error: BaseException) -> Any:
    return rebuild(pickled(error, {}, values.Notes()))


def chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__
    return found


def nested(depth: int) -> ExceptionGroup[Exception]:
    group = ExceptionGroup("innermost", [KeyError("core")])
    for level in range(depth):
        group = ExceptionGroup(f"level {level}", [group])
    return group


def test_all_members_of_a_group_keep_their_types() -> None:
    back = there_and_back(ExceptionGroup("many", [ValueError(n) for n in range(900)]))
    assert [(type(each), each.args) for each in back.exceptions] == [
        (ValueError, (n,)) for n in range(900)
    ]


def test_members_beyond_the_limit_are_told_in_one_place() -> None:
    back = there_and_back(ExceptionGroup("m", [ValueError(n) for n in range(MAX_EXCEPTIONS + 9)]))
    *kept, rest = back.exceptions
    assert len(kept) == MAX_EXCEPTIONS - 1
    assert (type(rest), str(rest)) == (
        Exception,
        "[10 more exceptions stayed on the worker: "
        "ValueError: 999; ValueError: 1000; ValueError: 1001; ...]",
    )


def test_a_member_that_is_also_the_cause_stays_one_exception() -> None:
    member = KeywordOnly(path="/p")
    group = ExceptionGroup("g", [KeyError(1), member])
    group.__cause__ = group.__context__ = member
    back = there_and_back(group)
    assert type(back.__cause__) is KeywordOnly
    assert back.exceptions[1] is back.__cause__ is back.__context__


def test_a_group_as_the_context_of_its_member_keeps_the_member_s_type() -> None:
    def unwrap() -> None:
        try:
            raise ExceptionGroup("g", [KeywordOnly(path="/p"), KeyError(1)])  # noqa: TRY301
        except ExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 - it is what this is about

    with pytest.raises(KeywordOnly) as caught:
        unwrap()
    back = there_and_back(caught.value)
    first, second = back.__context__.exceptions
    assert (type(first), first.path, type(second)) == (KeywordOnly, "/p", KeyError)
    assert first.__context__ is None


def test_whoever_follows_a_circle_comes_to_an_end() -> None:
    errors = [ValueError(n) for n in range(3)]
    for before, after in zip(errors, [*errors[1:], errors[0]], strict=True):
        before.__cause__ = after
    errors[2].__context__ = errors[2]
    assert [each.args for each in chain(there_and_back(errors[0]))] == [(0,), (1,), (2,)]


def test_groups_in_groups_keep_their_types_as_deep_as_allowed() -> None:
    back = there_and_back(nested(MAX_DEPTH - 1))
    core = back.subgroup(KeyError)
    assert core is not None
    for _ in range(MAX_DEPTH):
        core = core.exceptions[0]
    assert repr(core) == "KeyError('core')"


def test_what_is_too_deep_is_told_in_words() -> None:
    back = there_and_back(nested(3 * MAX_DEPTH))
    while isinstance(back, BaseExceptionGroup):
        [back] = back.exceptions
    assert str(back).startswith("[1 more exceptions stayed on the worker: ExceptionGroup: level ")


def test_a_cause_that_is_too_far_away_is_told_in_a_note() -> None:
    error: BaseException = ValueError(0)
    for n in range(1, 1_000):
        error, cause = ValueError(n), error
        error.__cause__ = cause
    *_, last = chain(there_and_back(error))
    assert last.args == (999 - MAX_DEPTH,)
    assert last.__notes__ == [
        f"[its cause stayed on the worker: ValueError: {998 - MAX_DEPTH}]",
    ]


def test_what_is_large_stays_behind_before_what_is_small() -> None:
    error = ValueError("near")
    vars(error).update({f"large_{n}": bytes(900_000) for n in range(50)}, small=1)
    error.__cause__ = KeywordOnly(path="/far")
    data = pickled(error, {}, values.Notes())
    assert len(data) < MAX_RECORD
    back: Any = rebuild(data)
    assert (type(back), back.args, back.small) == (ValueError, ("near",), 1)
    assert 5 <= sum(name.startswith("large_") for name in vars(back)) < 50
    assert "stayed on the worker" in back.__notes__[0]
    assert (type(back.__cause__), back.__cause__.path) == (KeywordOnly, "/far")


def test_a_group_with_more_than_there_is_room_for_keeps_its_types() -> None:
    members = [KeyError(str(n) * 30_000) for n in range(900)]
    data = pickled(ExceptionGroup("large", members), {}, values.Notes())
    assert 0 < len(data) < MAX_RECORD
    back: Any = rebuild(data)
    assert {type(each) for each in back.exceptions} == {KeyError}
    assert back.exceptions[0].args == members[0].args
    assert back.exceptions[-1].args[0].startswith("899899")


def test_notes_without_end_are_counted() -> None:
    error = ValueError(1)
    error.__notes__ = ["n" * 60_000] * 1_000
    back = there_and_back(error)
    *notes, rest = back.__notes__
    assert notes[:50] == ["n" * 60_000] * 50
    kept = sum(note.startswith("n") for note in notes)
    assert rest == f"[{1_000 - kept} notes stayed on the worker]"
