"""What a scan for own modules comes to."""

from picloud.code.modules.file_watch import FileWatch
from picloud.protocol.trees import EMPTY, Tree
from picloud.statemachine import value


@value
class Scan:
    """What a walk has found.

    Attributes:
        tree: the files.
        reasons: why each of them is there, by its path.
        watch: what was looked at.
    """

    tree: Tree
    reasons: dict[str, str]
    watch: FileWatch


NOTHING = Scan(EMPTY, {}, FileWatch())
