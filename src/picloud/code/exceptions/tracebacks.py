"""Tracebacks of user code as texts: of the whole story, and of each exception in it alone.

The whole is for people who read one text. An exception that travels takes along its own frames
only: those of its cause, its context and its members go with these, so that Python, which prints
one after the other, shows each of them once.
"""

import traceback
import types
from typing import Any

from picloud.errors import JobError

MAX_TRACEBACK = 128 << 10
"""Characters of one text."""

_OURS = frozenset({"picloud", "picloud_worker", "asyncio"})

_TRACEBACK: Any = vars(BaseException)["__traceback__"]
"""Read so, it runs no code of the user."""

_Part = tuple[traceback.TracebackException | None, BaseException | None]


def tracebacks_of(error: BaseException) -> tuple[str, dict[int, str]]:
    """Everything Python would print, without the frames that lead to the user's function.

    Returns:
        That, and by the `id` of each exception that was raised, its own traceback without notes;
        not of one that stands alone, of which the first text says all.
    """
    trace = _trace_of(error)
    try:
        story = traceback.TracebackException(type(error), error, trace)
        _cut_raising(story, error)
        whole = shortened("".join(story.format()), MAX_TRACEBACK)
        return whole, {} if _is_alone(story) else _own_texts(story, error)
    except Exception:  # noqa: BLE001 - a class of the user, which may do anything
        return shortened(f"{frames_of(error)}{headline(error)}\n", MAX_TRACEBACK), {}


def frames_of(error: BaseException) -> str:
    """Where it was raised, without a look at itself. Never fails."""
    frames = "".join(traceback.format_tb(_trace_of(error)))
    return shortened(f"Traceback (most recent call last):\n{frames}", MAX_TRACEBACK)


def _trace_of(error: BaseException) -> types.TracebackType | None:
    """Its traceback from the user's function on."""
    trace: types.TracebackType | None = _TRACEBACK.__get__(error)
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    return trace


def headline(error: BaseException) -> str:
    """Its class and its text. Never fails."""
    text = text_of(error)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def text_of(error: BaseException) -> str:
    """What `str` makes of it. Never fails."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a class of the user, which may do anything
        return f"<its __str__ raised {type(broken).__name__}>"


def shortened(text: str, limit: int) -> str:
    """Cut the middle out of what is too long, and spell out what is no valid Unicode."""
    if len(text) > limit:
        left_out = f"\n[... {len(text) - limit} characters ...]\n"
        text = text[: limit // 4] + left_out + text[-(limit * 3 // 4) :]
    return text.encode("utf-8", "backslashreplace").decode()


def _is_alone(story: traceback.TracebackException) -> bool:
    return not (story.__cause__ or story.__context__ or story.exceptions or story.__notes__)


def _own_texts(story: traceback.TracebackException, error: BaseException) -> dict[int, str]:
    """The texts of each exception alone. The story is used up by this."""
    texts: dict[int, str] = {}
    parts: list[_Part] = [(story, error)]
    while parts:
        part, raised = parts.pop()
        if part is None or raised is None:
            continue
        parts += _linked(part, raised)
        if part.stack and id(raised) not in texts:
            part.__notes__ = part.exceptions = None
            texts[id(raised)] = shortened("".join(part.format(chain=False)), MAX_TRACEBACK)
    return texts


def _linked(part: traceback.TracebackException, raised: BaseException) -> list[_Part]:
    """What an exception came from and what it holds, each with its part of the story."""
    parts: list[_Part]
    parts = [(part.__cause__, raised.__cause__), (part.__context__, raised.__context__)]
    if isinstance(raised, BaseExceptionGroup):
        parts += zip(part.exceptions or (), raised.exceptions, strict=False)
    return parts


def _cut_raising(story: traceback.TracebackException, error: BaseException) -> None:
    """Of the errors of other jobs, drop the frames in which we have raised them.

    They would come again at each level of nested jobs. Of all other errors they stay, as they may
    show a fault of ours.
    """
    parts: list[_Part] = [(story, error)]
    while parts:
        part, raised = parts.pop()
        if part is None or raised is None:
            continue
        if isinstance(raised, JobError):
            del part.stack[max(0, len(part.stack) - _ours_at_end(raised)) :]
        parts += _linked(part, raised)


def _ours_at_end(error: BaseException) -> int:
    count = 0
    for frame, _ in traceback.walk_tb(error.__traceback__):
        count = count + 1 if _is_ours(frame) else 0
    return count


def _is_ours(frame: types.FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS
