"""Exceptions of user code to `Failure`s; `rebuilding` makes exceptions of them again.

An exception is taken apart and each part is pickled alone, because its own `__reduce__` is not
to be relied on: for any class whose constructor takes something else than its `args` it makes
an object that fails when it is loaded. What cannot travel is left out and named in a note, so
describing never fails.
"""

from picloud.code import values
from picloud.code.exceptions.parts import class_name, pickled
from picloud.code.exceptions.tracebacks import frames_of, headline, shortened, tracebacks_of
from picloud.protocol.failures import Failure, FailureKind

MAX_MESSAGE = 8 << 10


def describe(error: BaseException) -> Failure:
    """Say what an exception of user code was, for people and for `rebuild`.

    It fails only for one whose class lets nobody look at it: see `describe_unseen`.
    """
    notes = values.Notes()
    story, own = tracebacks_of(error)
    return Failure(
        FailureKind.EXCEPTION,
        shortened(headline(error), MAX_MESSAGE),
        shortened(class_name(type(error)), MAX_MESSAGE),
        story,
        pickled(error, own, notes),
        notes.handles or None,
    )


def describe_unseen(error: BaseException) -> Failure:
    """Say where an exception came from at which nobody may look. Never fails."""
    name = shortened(class_name(type(error)), MAX_MESSAGE)
    message = f"{name}, whose objects let nobody look at them"
    return Failure(FailureKind.EXCEPTION, message, name, f"{frames_of(error)}{message}\n")
