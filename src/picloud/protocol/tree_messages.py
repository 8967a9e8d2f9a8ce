"""Messages about the files of users' modules: from clients to the master, and on to workers.

A tree is a list of files, each with its path and the digest of its content. A content travels over
a link once, whatever the number of trees that hold it; who receives it works out its digest.
"""

from picloud.statemachine import value

# ------------------------------------------------------------------ client to master


@value
class OfferTree:
    """Specs will name this tree; answered by `FilesWanted`."""

    digest: bytes
    paths: list[str]
    digests: list[bytes]


@value
class PutFiles:
    """Contents of files, in any order; from the master to workers, too."""

    contents: list[bytes]


# ------------------------------------------------------------------ master to client


@value
class FilesWanted:
    """The numbers of those files of an offered tree whose contents are not known yet."""

    digest: bytes
    files: list[int]


# ------------------------------------------------------------------ master to worker


@value
class DefineTree:
    """All contents of this tree were sent; specs that follow may name it."""

    digest: bytes
    paths: list[str]
    digests: list[bytes]


@value
class ForgetTree:
    """No more specs will name it."""

    digest: bytes


def is_path(path: str) -> bool:
    """True for a path that stays below the root of its tree."""
    parts = path.split("/")
    return bool(path) and not any(part in ("", ".", "..") or "\0" in part for part in parts)
