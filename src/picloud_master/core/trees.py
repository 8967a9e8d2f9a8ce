"""The trees of all owners, and how long they are kept.

A content is known by its digest, for each owner apart: nobody learns what another one has. Trees
that no spec names are kept for the next client until their files are too much together.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from picloud.protocol.ids import WorkerId
from picloud.protocol.tree_messages import ForgetTree, OfferTree, is_path
from picloud.protocol.trees import TreeFile, digest_of, tree_of
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.worker.actor import WorkerActor


class FileRecord:
    """A content; None until its owner has sent it.

    Attributes:
        trees: how many known trees hold it.
    """

    __slots__ = ("content", "digest", "trees")

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.content: bytes | None = None
        self.trees = 0


class TreeRecord:
    """A tree of one owner.

    Attributes:
        specs: how many specs name it.
    """

    __slots__ = ("digest", "files", "owner", "paths", "specs")

    def __init__(
        self, owner: str, digest: bytes, paths: list[str], files: list[FileRecord]
    ) -> None:
        self.owner = owner
        self.digest = digest
        self.paths = paths
        self.files = files
        self.specs = 0

    @property
    def is_whole(self) -> bool:
        """All contents are here."""
        return all(file.content is not None for file in self.files)


_Key = tuple[str, bytes]


class Trees:
    """What clients have offered.

    Args:
        limit: bytes of files that are kept in all, as far as no spec needs them.
    """

    def __init__(
        self,
        workers: dict[WorkerId, WorkerActor],
        say_to_worker: Callable[[WorkerId, Any], None],  # Any: ToWorker or a definition
        limit: int,
    ) -> None:
        self._workers = workers
        self._say_to_worker = say_to_worker
        self._limit = limit
        self._size = 0
        self._trees: dict[_Key, TreeRecord] = {}
        self._unused: OrderedDict[_Key, TreeRecord] = OrderedDict()
        self._files: dict[_Key, FileRecord] = {}

    def offer(self, owner: str, message: OfferTree) -> list[int]:
        """Remember a tree; return the numbers of files whose contents are wanted.

        Raises:
            Misbehaviour: it is no tree.
        """
        key = owner, message.digest
        tree = self._trees.get(key)
        if tree is None:
            _check(message)
            files = [self._file(owner, digest) for digest in message.digests]
            tree = TreeRecord(owner, message.digest, message.paths, files)
            for file in set(files):
                file.trees += 1
            self._trees[key] = self._unused[key] = tree
        elif not tree.specs:
            self._unused.move_to_end(key)
        return [number for number, file in enumerate(tree.files) if file.content is None]

    def put(self, owner: str, contents: list[bytes]) -> None:
        """Take contents that were wanted.

        Raises:
            Misbehaviour: one was not.
        """
        for content in contents:
            file = self._files.get((owner, digest_of(content)))
            if file is None:
                raise Misbehaviour("a file of no tree that was offered")
            if file.content is None:
                file.content = content
                self._size += len(content)

    def use(self, owner: str, digest: bytes) -> TreeRecord | None:
        """A spec names this tree from now on; None for no tree.

        Raises:
            Misbehaviour: it is not known, or not whole.
        """
        if not digest:
            return None
        tree = self._trees.get((owner, digest))
        if tree is None or not tree.is_whole:
            raise Misbehaviour("a spec names a tree that was not sent")
        tree.specs += 1
        self._unused.pop((owner, digest), None)
        return tree

    def share(self, tree: TreeRecord | None) -> TreeRecord | None:
        """One more spec names a tree that another one names."""
        if tree is not None:
            tree.specs += 1
        return tree

    def drop(self, tree: TreeRecord | None) -> None:
        """A spec names it no more."""
        if tree is None:
            return
        tree.specs -= 1
        if not tree.specs:
            self._unused[tree.owner, tree.digest] = tree
            self._forget_surplus()

    def _file(self, owner: str, digest: bytes) -> FileRecord:
        return self._files.setdefault((owner, digest), FileRecord(digest))

    def _forget_surplus(self) -> None:
        while self._size > self._limit and self._unused:
            key, tree = self._unused.popitem(last=False)
            del self._trees[key]
            for file in set(tree.files):
                file.trees -= 1
                if not file.trees:
                    del self._files[tree.owner, file.digest]
                    self._size -= len(file.content or b"")
            self._tell_workers(tree)

    def _tell_workers(self, gone: TreeRecord) -> None:
        if any(tree.digest == gone.digest for tree in self._trees.values()):
            return  # another owner has it, too
        for worker in self._workers.values():
            if gone.digest in worker.known_trees:
                del worker.known_trees[gone.digest]
                self._say_to_worker(worker.id, ForgetTree(gone.digest))


def _check(message: OfferTree) -> None:
    paths, digests = message.paths, message.digests
    if len(paths) != len(digests) or len(set(paths)) != len(paths) or not all(map(is_path, paths)):
        raise Misbehaviour("a tree with paths that are none")
    columns = zip(paths, digests, strict=True)
    if tree_of([TreeFile(path, digest) for path, digest in columns]).digest != message.digest:
        raise Misbehaviour("a tree's digest is not that of its files")
