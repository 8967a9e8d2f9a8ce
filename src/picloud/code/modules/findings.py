"""How a walk has reached modules, and which of them keep a call from being made."""

import sys
from collections.abc import Iterator

from picloud.code.modules.own_modules import OwnModule
from picloud.code.unshippable import Unshippable

_COMPILED = (
    "is compiled for this machine and cannot travel; install it where the workers run, or import "
    "it within try: ... except ImportError"
)
_IN_MEMORY = (
    "module {name} is in the memory of this program only, and no worker can import it; write it to "
    "a file"
)
_BY_VALUE = (
    ", or have what is defined in it travel by value: cloudpickle.register_pickle_by_value({name})"
)


class Findings:
    """What a walk along import statements notes on its way.

    Attributes:
        makes_modules: own code is reached that may make modules without files.
    """

    def __init__(self) -> None:
        self.makes_modules = False
        self._above: dict[str, str] = {}
        self._optional: set[str] = set()
        self._certain: dict[str, set[str]] = {}  # modules by those that always import them
        self._flaws: dict[str, str] = {}
        self._in_memory: list[str] = []
        self.extensions: list[OwnModule] = []

    def reach(self, name: str, above: str, *, is_optional: bool) -> bool:
        """Note who asks for a module; True if nobody has before."""
        if name not in self._above:
            self._above[name] = above
            if is_optional:
                self._optional.add(name)
            return True
        if not is_optional:
            self._optional.discard(name)
        return False

    def always_imports(self, name: str, other: str) -> None:
        """Whoever imports the first module imports the other."""
        self._certain.setdefault(name, set()).add(other)

    def reason(self, name: str) -> str:
        """Why a module is there, for people."""
        above = self._above[name]
        return f"imported by {above}" if above else "named by the call"

    def note_flaw(self, module: OwnModule, flaw: str) -> None:
        """This Python cannot import it."""
        self._flaws[module.name] = f"{module.file}, {flaw}"

    def note_in_memory(self, name: str) -> None:
        """This program has made it, and nobody else can."""
        self._in_memory.append(name)

    def check(self, *, finds_extensions: bool) -> None:
        """Refuse what can only fail.

        Raises:
            Unshippable: something that is needed cannot travel.
        """
        extensions = [] if finds_extensions else self.extensions
        for module in extensions:
            self._refuse_unless_optional(module.name, f"{module.file} {_COMPILED}")
        for name in [] if self.makes_modules else self._in_memory:
            by_value = "" if self._above[name] else _BY_VALUE.format(name=name)
            self._refuse_unless_optional(name, _IN_MEMORY.format(name=name) + by_value)
        for name in self._broken():
            text = f"no Python of this version can import {self._flaws[name]}"
            raise self.refusal(name, text)

    def _broken(self) -> list[str]:
        """Modules with a flaw that will be imported, whatever the job does.

        Others may never be: a module for another version of Python, say, lies beside its twin.
        """
        if not self._flaws:
            return []
        line = [name for name in self._above if sys.modules.get(name) is not None]
        certain = set(line)
        while line:
            more = self._certain.get(line.pop(), set()) - certain
            certain |= more
            line += more
        return sorted((certain & self._flaws.keys()) - self._optional)

    def _refuse_unless_optional(self, name: str, text: str) -> None:
        if name not in self._optional:
            raise self.refusal(name, text)

    def refusal(self, name: str, text: str) -> Unshippable:
        """What is wrong with a module, and who asks for it."""
        way = list(self._way(name))
        return Unshippable(f"{' <- '.join(way)}: {text}", way[-1])

    def _way(self, name: str) -> Iterator[str]:
        while name:
            yield name
            name = self._above.get(name, "")
