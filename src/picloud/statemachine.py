"""How a state machine is written here: states, events, steps and a literal table.

Rules of this file, and of every machine built on it:

* A state is a value of a closed union and carries what only that state knows.
* A handler answers an event with one `Step`: the next state first, then the outputs in order.
* A table maps state type -> event type -> handler. A pair has one of three outcomes: it is
  handled, it is late on purpose (a handler that keeps the state and says why), or it is an
  `InvalidTransition`: a bug, raised with the actor's story.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """Make a class of immutable values: type checkers see it frozen, at run time it has slots only.

    A dataclass frozen at run time costs 340 ns to create, this one 85; states, events and
    messages are created several times per job. Comparing and printing them is written here once:
    for each class anew, that would be most of the time that it takes to import them.
    """
    made = dataclass(slots=True, repr=False, eq=False)(cls)
    names = tuple(made.__match_args__)  # type: ignore[attr-defined]  # a dataclass has them
    if "__repr__" not in cls.__dict__:
        made.__repr__ = _repr_of(names)  # type: ignore[method-assign]
    if "__eq__" not in cls.__dict__:
        made.__eq__ = _eq_of(names)  # type: ignore[method-assign]
        made.__hash__ = None  # type: ignore[assignment]  # compared by value, never a key
    return made


def _repr_of(names: tuple[str, ...]) -> Callable[[object], str]:
    def shown(self: object) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({fields})"

    return shown


def _eq_of(names: tuple[str, ...]) -> Callable[[object, object], Any]:
    read = attrgetter(*names) if names else type

    def equals(self: object, other: object) -> Any:  # Any: NotImplemented is no bool
        return read(self) == read(other) if type(other) is type(self) else NotImplemented

    return equals


class Step:
    """A handler's whole answer: the next state and what follows from it."""

    __slots__ = ("outputs", "state")

    def __init__(self, state: Any, *outputs: Any) -> None:  # Any: each machine has its own unions
        self.state = state
        self.outputs = outputs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Step):
            return NotImplemented
        return bool(self.state == other.state and self.outputs == other.outputs)

    __hash__ = None  # type: ignore[assignment]  # compared by value, never a key

    def __repr__(self) -> str:
        return f"Step({', '.join(map(repr, (self.state, *self.outputs)))})"


Handler = Callable[..., Step]
Table = Mapping[type, Mapping[type, Handler]]


class Actor(Protocol):
    """Anything with one state."""

    state: Any  # Any: each machine has its own union


class InvalidTransition(Exception):  # noqa: N818 - the field's own name for it
    """An event reached a state that can never receive it: a bug in this program."""

    def __init__(self, actor: object, state: object, event: object, story: str = "") -> None:
        text = f"{actor!r} in state {state!r} cannot receive {event!r}"
        super().__init__(f"{text}\n{story}" if story else text)


def advance(actor: Actor, table: Table, event: object, context: object) -> tuple[Any, ...]:
    """Give one event to one actor; set its next state and return the outputs of the step.

    Raises:
        InvalidTransition: the table has no handler for this state and event.
    """
    state = actor.state
    row = table.get(type(state))
    handler = row.get(type(event)) if row is not None else None
    if handler is None:
        raise InvalidTransition(actor, state, event)
    step = handler(actor, state, event, context)
    actor.state = step.state
    return step.outputs
