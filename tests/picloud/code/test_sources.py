"""Source lines travel with functions."""

import linecache
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from picloud.code import values

PROGRAM = """
import sys, traceback
from picloud.code import values
function = values.loads(bytes.fromhex(sys.argv[1]))
try:
    function(0)
except ZeroDivisionError:
    traceback.print_exc()
"""


def run_elsewhere(data: bytes) -> str:
    src = str(Path(values.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, data.hex()],
        env={"PYTHONPATH": src},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_a_traceback_elsewhere_shows_lines_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "\n\ndef job(n):\n    def inner():\n        return 1 / n  # here\n    return inner()\n"
    )
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    data = values.dumps(namespace["job"])
    path.unlink()
    text = run_elsewhere(data)
    assert f'File "{path}", line 5, in inner' in text
    assert "return 1 / n  # here" in text
    assert "return inner()" in text


def test_a_function_without_source_travels_too() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def job(n): return 1 / n", namespace)
    assert "ZeroDivisionError" in run_elsewhere(values.dumps(namespace["job"]))


def test_lines_that_are_known_are_left_alone() -> None:
    def job() -> None:
        raise ValueError

    before = linecache.getlines(__file__)
    try:
        values.loads(values.dumps(job))()
    except ValueError:
        assert "raise ValueError" in traceback.format_exc()
    assert linecache.getlines(__file__) == before
