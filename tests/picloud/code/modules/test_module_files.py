"""What is read of the file of a module."""

import marshal

import pytest

from picloud.code.imports import Import
from picloud.code.modules.module_files import read_compiled

HEADER = b"\0" * 16


def test_a_compiled_module_tells_what_it_imports() -> None:
    code = compile("import a", "m.py", "exec")
    reading = read_compiled(HEADER + marshal.dumps(code))
    assert reading.imports == [Import("a", (), 0, True)]
    assert reading.flaw == ""


@pytest.mark.parametrize("content", [b"", HEADER, HEADER + b"\xe3\0\0", HEADER + b"?"])
def test_a_compiled_module_that_is_not_whole_has_a_flaw(content: bytes) -> None:
    assert read_compiled(content).flaw
