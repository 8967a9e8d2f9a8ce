"""What goes along with an exception: shared, without circles, and not without end."""

from picloud.code.exceptions.links import MAX_DEPTH, MAX_EXCEPTIONS, LinkedExceptions


def test_what_is_met_twice_has_one_place() -> None:
    linked, shared = LinkedExceptions(ValueError()), KeyError()
    assert linked.origin(0, shared) == 1
    assert linked.member(0, shared) == 1
    assert linked.errors[1] is shared


def test_an_exception_that_comes_from_itself_is_a_circle() -> None:
    error = ValueError()
    assert LinkedExceptions(error).is_circle(0, error)


def test_the_last_link_of_a_circle_is_seen() -> None:
    errors = [ValueError(n) for n in range(4)]
    linked = LinkedExceptions(errors[0])
    for place in range(3):
        assert not linked.is_circle(place, errors[place + 1])
        linked.origin(place, errors[place + 1])
    assert linked.is_circle(3, errors[0])
    assert linked.is_circle(3, errors[1])
    assert not linked.is_circle(0, errors[3])


def test_a_member_from_which_its_group_came_is_a_copy() -> None:
    error = ValueError()
    linked = LinkedExceptions(error)
    group = ExceptionGroup("of", [error])
    assert linked.origin(0, group) == 1
    assert linked.member(1, error) == 2
    assert linked.copies == {2}


def test_a_group_inside_itself_has_no_place() -> None:
    inner = ExceptionGroup("inner", [ValueError()])
    outer = ExceptionGroup("outer", [inner])
    linked = LinkedExceptions(inner)
    assert linked.origin(0, outer) == 1
    assert linked.member(1, inner) is None


def test_there_is_no_place_beyond_the_limits() -> None:
    wide = LinkedExceptions(ValueError())
    errors = [ValueError(n) for n in range(MAX_EXCEPTIONS)]
    assert [wide.member(0, each) for each in errors][-2:] == [MAX_EXCEPTIONS - 1, None]
    deep = LinkedExceptions(ValueError())
    places = [deep.origin(place, errors[place]) for place in range(MAX_DEPTH + 1)]
    assert places[-2:] == [MAX_DEPTH, None]
