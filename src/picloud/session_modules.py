"""What a session sees of the user's own modules: what calls need of them, and edits."""

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from picloud.code.modules.scan import NOTHING, Scan

if TYPE_CHECKING:
    from picloud.code.modules.edits import Edits
    from picloud.code.modules.file_watch import FileWatch
    from picloud.code.modules.scanner import Scanner

MAX_LIMITS = 64
"""Values of `transfer_modules` for which it is remembered what was edited."""


class SessionModules:
    """Sees nothing: inside a job the modules are there, and nobody edits them."""

    def scan(self, roots: frozenset[str], only: tuple[str, ...] | None) -> Scan:
        """The user's own modules that these need, as they are now; `only` these, if it is given.

        Raises:
            Unshippable: one cannot travel.
            ValueError: there is no module of a name in `only`.
        """
        return NOTHING

    def edits(self, transfer: Any) -> "Edits | None":
        """What sees edits, where there can be some: to be asked for anew for each call.

        Args:
            transfer: the option `transfer_modules`, checked.
        """
        return None


class ModulesOnDisk(SessionModules):
    """Those of the program that has the session.

    Args:
        finds_extensions: jobs find compiled modules where this program does.
    """

    def __init__(self, *, finds_extensions: bool) -> None:
        self._finds_extensions = finds_extensions
        self._scanner: Scanner | None = None
        self._edits: dict[Any, Edits] = {}
        self._looked: tuple[int, FileWatch] | None = None  # a thread's, for the call it makes

    def scan(self, roots: frozenset[str], only: tuple[str, ...] | None) -> Scan:
        """See `SessionModules.scan`."""
        if only == () or not (roots or only):
            return NOTHING
        if self._scanner is None:
            from picloud.code.modules.scanner import Scanner  # most functions need none

            self._scanner = Scanner(finds_extensions=self._finds_extensions)
        looked, self._looked = self._looked, None
        is_own = looked is not None and looked[0] == get_ident()
        return self._scanner.scan(roots, only, looked[1] if looked and is_own else None)

    def edits(self, transfer: Any) -> "Edits | None":
        """See `SessionModules.edits`."""
        self._looked = None
        found = self._edits.get(transfer)
        if found is None and transfer != ():
            from picloud.code.modules.edits import Edits, began

            while len(self._edits) >= MAX_LIMITS:
                self._edits.pop(next(iter(self._edits)), None)
            scan = partial(self._scan_for_edits, None if transfer is True else transfer)
            found = self._edits[transfer] = Edits(scan, began())
        return found

    def _scan_for_edits(self, only: tuple[str, ...] | None, roots: frozenset[str]) -> Scan:
        """The call will soon ask for more, most of which was looked at here."""
        scan = self.scan(roots, only)
        self._looked = get_ident(), scan.watch
        return scan
