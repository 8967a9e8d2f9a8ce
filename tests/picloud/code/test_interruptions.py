"""Which exceptions come from signal handlers."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from picloud.code import values
from picloud.code.interruptions import is_from_signal_handler
from picloud.job import HandleSession
from picloud.result_values import value_of, values_of


class TooLate(Exception):  # noqa: N818 - a user's
    pass


def ring(*_: object) -> None:
    raise TooLate


def ring_deeper(*_: object) -> None:
    ring()


class Ringer:
    def __call__(self, *_: object) -> None:
        ring()

    def method(self, *_: object) -> None:
        ring()


class Alarming:
    """Its pickling, and its loading, are interrupted by a signal."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGUSR1)
        return Alarming, ()


def interrupt() -> int:
    os.kill(os.getpid(), signal.SIGUSR1)
    return 1


class LoadsAlarmed:
    def __reduce__(self) -> Any:
        return interrupt, ()


@pytest.fixture
def install() -> Iterator[Callable[[Any], None]]:
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler) and None
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("handler", [ring, ring_deeper, Ringer(), Ringer().method])
def test_what_a_handler_raises_amid_pickling_is_no_fault_of_the_value(
    install: Callable[[Any], None], handler: Any
) -> None:
    install(handler)
    with pytest.raises(TooLate):
        values.dumps([Alarming()])


def test_what_a_handler_raises_amid_loading_is_no_fault_of_the_result(
    install: Callable[[Any], None], session: HandleSession
) -> None:
    data = values.dumps([LoadsAlarmed()])
    install(ring)
    with pytest.raises(TooLate):
        value_of(1, data, False, session)
    with pytest.raises(TooLate):
        values_of([1], [data], False, session)


def test_what_a_value_raises_by_itself_is(install: Callable[[Any], None]) -> None:
    class Broken:
        def __reduce__(self) -> Any:
            raise TooLate

    install(ring)
    with pytest.raises(values.Unpicklable, match="TooLate"):
        values.dumps([Broken()])


def test_an_error_without_a_trace_is_of_no_handler() -> None:
    assert not is_from_signal_handler(TooLate())
