"""What of the standard library arrives as it was, though pickle alone does not see to that."""

import array
import ctypes
import sys
import types
from typing import Any

import pytest

from picloud.code import values


@pytest.mark.parametrize(
    "view",
    [
        memoryview(b"bytes"),
        memoryview(b""),
        memoryview(b"bytes")[::-2],
        memoryview(array.array("i", [1000, 2000, 3000])),
        memoryview(array.array("d")),
        memoryview(array.array("d", range(6))).cast("B").cast("d", (2, 3)),
        memoryview((ctypes.c_int * 3)(1, 2, 3)),
        memoryview((ctypes.c_double * 2 * 3)()),
    ],
    ids=lambda view: f"{view.format}-{view.shape}-{view.readonly}",
)
def test_views_have_their_items_and_shapes(view: memoryview) -> None:
    [back] = values.loads(values.dumps([view]))
    assert back.shape == view.shape
    assert back.readonly is view.readonly
    assert back.format == view.format.removeprefix("<")
    assert back.tobytes() == view.tobytes()


def test_what_is_written_into_a_view_changes_the_copy_only() -> None:
    content = bytearray(b"abc")
    [back] = values.loads(values.dumps([memoryview(content)]))
    back[0] = 65
    assert (bytes(back), content) == (b"Abc", b"abc")


def test_modules_that_have_set_their_class_go_by_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Module(types.ModuleType):
        rate = 5

    module: Any = Module("own_class")
    monkeypatch.setitem(sys.modules, "own_class", module)
    notes = values.Notes()
    assert values.loads(values.dumps([module], notes))[0] is module
    assert values.loads(values.dumps(lambda: module.rate))() == 5
    assert notes.roots == {"own_class"}


def test_others_of_their_class_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module(types.ModuleType):
        pass

    monkeypatch.setitem(sys.modules, "own_class", types.ModuleType("own_class"))
    with pytest.raises(values.Unpicklable, match="cannot pickle 'Module' object"):
        values.dumps(Module("own_class"))
