"""Handles of jobs among plain values: most of what jobs are passed that is not plain altogether.

To set up a pickler of cloudpickle's, which can do more, takes longer than all of this.
"""

import io
import pickle
from abc import ABCMeta
from typing import Any

from picloud.code.notes import HANDLES, LOADERS, Notes, note_handles
from picloud.code.plain import is_plain_but_for

PROTOCOL = 5

_OURS = frozenset({type, ABCMeta})
"""What classes of handles are of; others may be of the user's, and raise when they are asked."""


def dumps_handles(value: Any, notes: Notes) -> bytes | None:
    """The payload of a few handles and short atoms; None if the value is anything else."""
    if not is_plain_but_for(value, _is_handle):
        return None
    file = io.BytesIO()
    pickler = _HandlePickler(file, PROTOCOL)
    pickler.notes = notes
    pickler.dump(value)
    return file.getvalue()


class _HandlePickler(pickle.Pickler):
    notes: Notes

    def reducer_override(self, obj: Any) -> Any:
        """Note the jobs of a handle."""
        handles_of = getattr(type(obj), HANDLES, None)
        if handles_of is None:
            return NotImplemented
        note_handles(self.notes, *handles_of(obj))
        return obj.__reduce__()


def _is_handle(kind: type) -> bool:
    return type(kind) in _OURS and kind.__module__ in LOADERS and hasattr(kind, HANDLES)
