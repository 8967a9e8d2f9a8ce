"""What travels of the user's own modules: a tree of files, known by its content."""

from hashlib import blake2b

from picloud.statemachine import value

DIGEST_SIZE = 16


@value
class TreeFile:
    """One file.

    Attributes:
        path: below the root of the tree, with slashes: `package/module.py`.
        digest: of its content.
        content: what is in it, where that is at hand.
    """

    path: str
    digest: bytes
    content: bytes = b""


@value
class Tree:
    """All files that something needs, in the order of their paths.

    Attributes:
        digest: of the paths and contents; trees of equal digests are equal. Empty for no files.
    """

    digest: bytes
    files: list[TreeFile]


EMPTY = Tree(b"", [])


def digest_of(content: bytes) -> bytes:
    """Name a file's content."""
    return blake2b(content, digest_size=DIGEST_SIZE).digest()


def tree_of(files: list[TreeFile]) -> Tree:
    """Make a tree of files with different paths."""
    if not files:
        return EMPTY
    ordered = sorted(files, key=lambda file: file.path)
    total = blake2b(digest_size=DIGEST_SIZE)
    for file in ordered:
        total.update(f"{len(file.path)}:{file.path}".encode("utf-8", "surrogatepass"))
        total.update(file.digest)
    return Tree(total.digest(), ordered)
