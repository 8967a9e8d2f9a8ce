"""Exceptions that were taken apart, made anew: of the same class, without its constructor.

Rebuilding never fails. Where a class cannot be had, its nearest base that can stands for it; what
cannot be loaded is named in a note.
"""

from collections.abc import Callable
from typing import Any

from picloud.code import values
from picloud.code.exceptions.parts import ExceptionParts, class_name
from picloud.code.exceptions.state import new_exception, set_attribute, set_links

Mix = Callable[[BaseException, int, str], BaseException]
"""Makes of an exception the error of a job that raised it, given the jid and the status."""


def rebuild(data: bytes, traceback: str = "", mix: Mix | None = None) -> BaseException | None:
    """Make the exception that was pickled in parts; None if it cannot be had here.

    Args:
        data: what `parts.pickled` made of it.
        traceback: of the exception, unless it has brought its own; its last note.
        mix: for the errors of other jobs among those that go with the exception, not for itself.
    """
    if not data:
        return None
    try:
        all_parts = values.loads(data)
    except Exception:  # noqa: BLE001 - damaged bytes: the failure's texts are still there
        return None
    if not isinstance(all_parts, list) or not all_parts:
        return None
    if not all(isinstance(each, ExceptionParts) for each in all_parts):
        return None
    all_parts[0].traceback = all_parts[0].traceback or traceback
    return _Rebuilding(all_parts, mix).first()


class _Rebuilding:
    def __init__(self, all_parts: list[ExceptionParts], mix: Mix | None) -> None:
        self._all = all_parts
        self._mix = mix
        self._made: dict[int, BaseException | None] = {}
        self._classes: dict[bytes, Any] = {}

    def first(self) -> BaseException | None:
        for place in range(len(self._all)):
            self._make_with_members(place)
        for place, parts in enumerate(self._all):
            error = self._made[place]
            if error is not None:
                cause, context = self._at(parts.cause), self._at(parts.context)
                set_links(error, cause, context, suppress_context=parts.suppress_context)
        return self._made[0]

    def _at(self, place: int | None) -> BaseException | None:
        return None if place is None else self._made[place]

    def _make_with_members(self, place: int) -> None:
        """Make one and before it what it holds, which Python wants to see at once."""
        todo = [place]
        while todo:
            place = todo[-1]
            members = self._all[place].members or ()
            missing = [each for each in members if type(each) is int and each not in self._made]
            if missing:
                todo += missing
                continue
            if place not in self._made:
                self._made[place] = self._mixed(place, self._new(self._all[place]))
            todo.pop()

    def _mixed(self, place: int, error: BaseException | None) -> BaseException | None:
        job = self._all[place].job
        if place == 0 or job is None or error is None or self._mix is None:
            return error
        return self._mix(error, *job)

    def _new(self, parts: ExceptionParts) -> BaseException | None:
        notes = list(parts.notes)
        args = [_loaded(part, notes, f"argument {n}") for n, part in enumerate(parts.args)]
        if parts.members is not None:
            args.append([self._member(each) for each in parts.members])
        error = self._instance(parts, tuple(args), notes)
        if error is None:
            return None
        for name, part in parts.attributes.items():
            set_attribute(error, name, _loaded(part, notes, f"attribute {name}"))
        if parts.traceback:
            notes.append(parts.traceback.rstrip())
        if notes:
            set_attribute(error, "__notes__", notes)
        return error

    def _member(self, member: int | str) -> BaseException:
        if isinstance(member, str):
            return Exception(member)
        made = self._made[member]
        if made is None:
            return Exception("[an exception whose class cannot be loaded here]")
        return made

    def _instance(
        self, parts: ExceptionParts, args: tuple[Any, ...], notes: list[str]
    ) -> BaseException | None:
        """One of its class, or of the nearest base of which there can be one here."""
        whole = None if parts.whole is None else _loaded(parts.whole, notes, "all of it")
        if isinstance(whole, BaseException):
            return whole
        for place, part in enumerate(parts.classes):
            cls = self._class(part)
            is_another = bool(place) or cls is None or class_name(cls) != parts.name
            if is_another and not args and parts.text:
                args = (parts.text,)
            error = None if cls is None else new_exception(cls, args)
            if error is not None:
                if is_another:
                    notes.append(f"[there it is a {parts.name}, which cannot be loaded here]")
                return error
        return None

    def _class(self, part: bytes) -> type[BaseException] | None:
        if part not in self._classes:
            self._classes[part] = _loaded(part, [], "")
        cls = self._classes[part]
        return cls if isinstance(cls, type) and issubclass(cls, BaseException) else None


def _loaded(part: bytes, notes: list[str], what: str) -> Any:
    try:
        return values.loads(part)
    except Exception as error:  # noqa: BLE001 - classes of users run here and raise what they like
        notes.append(f"[{what} cannot be loaded here: {type(error).__name__}: {error}]")
        return None
