"""Sources are parsed, also by several threads at a time."""

import ast
import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from picloud.code.parsing import parsed

SOURCE = b"".join(b"def f%d(a, b=%d): return [a, (b, {a: b})]\n" % (n, n) for n in range(100))


def let_others_run(_phase: str, _info: dict[str, Any]) -> None:
    time.sleep(0)


@pytest.fixture
def _threads_take_turns_amid_parsing() -> Iterator[None]:
    """At each collection of garbage, of which there are many then."""
    thresholds = gc.get_threshold()
    gc.callbacks.append(let_others_run)
    gc.set_threshold(10)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(let_others_run)


@pytest.mark.usefixtures("_threads_take_turns_amid_parsing")
def test_threads_that_parse_at_the_same_time_do_not_disturb_each_other() -> None:
    found: list[int] = []

    def parse() -> None:
        found.extend(len(parsed(SOURCE).body) for _ in range(10))

    threads = [threading.Thread(target=parse) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [100] * 30


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        parsed(b"def")


def test_it_is_what_python_makes_of_it() -> None:
    assert ast.dump(parsed(SOURCE)) == ast.dump(ast.parse(SOURCE))
