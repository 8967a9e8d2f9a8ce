import gc
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from picloud.statemachine import InvalidTransition, Step, Table, advance, value


@value
class Off:
    pass


@value
class On:
    level: int
    label: str = "plain"


@value
class Pressed:
    pass


@value
class Dropped:
    pass


class Lamp:
    def __init__(self) -> None:
        self.state: Any = Off()

    def __repr__(self) -> str:
        return "lamp 7"


def pressed(lamp: Lamp, state: Off, event: Pressed, level: int) -> Step:
    return Step(On(level), "click", "shine")


def pressed_again(lamp: Lamp, state: On, event: Pressed, level: int) -> Step:
    return Step(state)


TABLE: Table = {Off: {Pressed: pressed}, On: {Pressed: pressed_again}}


def test_steps_are_equal_when_state_and_outputs_are() -> None:
    assert Step(On(1), "click") == Step(On(1), "click")


@pytest.mark.parametrize(
    "other",
    [Step(On(2), "click"), Step(On(1)), Step(On(1), "click", "click"), Step(Off(), "click")],
)
def test_steps_differ_when_the_state_or_an_output_does(other: Step) -> None:
    assert Step(On(1), "click") != other


def test_the_order_of_outputs_matters() -> None:
    assert Step(Off(), "a", "b") != Step(Off(), "b", "a")


def test_a_step_equals_nothing_else() -> None:
    assert Step(Off()) != Off()
    assert Step(Off()) != (Off(), ())


def test_a_step_is_no_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Step(Off()))


def test_a_step_shows_its_state_and_outputs() -> None:
    assert repr(Step(Off(), "click")) == "Step(Off(), 'click')"


def test_advance_sets_the_next_state_and_returns_the_outputs() -> None:
    lamp = Lamp()
    assert advance(lamp, TABLE, Pressed(), 5) == ("click", "shine")
    assert lamp.state == On(5)


def test_a_late_event_keeps_the_state_and_says_nothing() -> None:
    lamp = Lamp()
    lamp.state = state = On(3)
    assert advance(lamp, TABLE, Pressed(), 5) == ()
    assert lamp.state is state


def test_an_event_that_a_state_cannot_receive_is_a_bug() -> None:
    lamp = Lamp()
    with pytest.raises(InvalidTransition) as raised:
        advance(lamp, TABLE, Dropped(), 5)
    assert str(raised.value) == "lamp 7 in state Off() cannot receive Dropped()"
    assert lamp.state == Off()


def test_a_state_that_the_table_does_not_have_is_a_bug() -> None:
    lamp = Lamp()
    lamp.state = Dropped()
    with pytest.raises(InvalidTransition, match=r"in state Dropped\(\) cannot receive Pressed\(\)"):
        advance(lamp, TABLE, Pressed(), 5)


def test_a_handler_that_raises_leaves_the_state_as_it_was() -> None:
    def broken(lamp: Lamp, state: Off, event: Pressed, context: object) -> Step:
        raise ZeroDivisionError

    lamp = Lamp()
    with pytest.raises(ZeroDivisionError):
        advance(lamp, {Off: {Pressed: broken}}, Pressed(), None)
    assert lamp.state == Off()


def test_an_invalid_transition_tells_the_actors_story() -> None:
    error = InvalidTransition("job 3", Off(), Pressed(), "1.0 submitted\n2.0 killed")
    assert str(error).splitlines() == [
        "'job 3' in state Off() cannot receive Pressed()",
        "1.0 submitted",
        "2.0 killed",
    ]


def test_values_are_compared_field_by_field() -> None:
    assert On(1) == On(1, "plain")
    assert On(1) != On(2)
    assert On(1) != Off()
    assert [field.name for field in fields(On(1))] == ["level", "label"]


def test_a_value_has_no_room_for_other_attributes() -> None:
    with pytest.raises(AttributeError):
        On(1).volume = 3  # type: ignore[attr-defined]  # what it is about
    assert not any(isinstance(each, dict) for each in gc.get_referents(On(1)))


def test_a_value_is_frozen_for_type_checkers_only() -> None:
    state = On(1)
    try:
        state.level = 2  # type: ignore[misc]  # mypy refuses it; at run time it costs nothing
    except FrozenInstanceError:
        pytest.fail("a frozen dataclass is four times as slow to create")
