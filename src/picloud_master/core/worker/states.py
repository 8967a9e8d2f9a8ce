"""The states of a worker."""

from picloud.statemachine import value


@value
class Active:
    """Takes jobs."""


@value
class Gone:
    """Its link is over; a worker that comes back is another actor."""

    text: str


WorkerState = Active | Gone
ACTIVE = Active()
