"""What must hold of trees: who counts on them, what is kept, and what workers know."""

from collections import Counter

from picloud_master.core.job.actor import SpecRecord
from picloud_master.core.registry import Registry
from picloud_master.core.requirements import require
from picloud_master.core.trees import FileRecord, TreeRecord


def check_trees(registry: Registry) -> None:
    """Check all counts of trees and of their files against recounts."""
    trees, files = registry.trees._trees, registry.trees._files
    specs = {spec for session in registry.sessions.values() for spec in session.specs.values()}
    specs |= {job.submission.spec for job in registry.jobs.values()}
    users: Counter[TreeRecord] = Counter(
        spec.tree for spec in specs if spec.tree is not None and _is_in_use(spec)
    )
    holders: Counter[FileRecord] = Counter()
    for key, tree in trees.items():
        require(key == (tree.owner, tree.digest), "a tree's key is its owner and digest", key)
        rule = "I22: the specs that name a tree equal the recount"
        require(tree.specs == users[tree], rule, tree.digest, tree.specs, users[tree])
        rule = "a tree is set aside as long as no spec names it"
        require((key in registry.trees._unused) == (not tree.specs), rule, tree.digest)
        require(tree.is_whole or not tree.specs, "a spec's tree is whole", tree.digest)
        holders.update(set(tree.files))
    for tree in users:
        require(trees.get((tree.owner, tree.digest)) is tree, "a spec's tree is known", tree.digest)
    for file in files.values():
        rule = "I22: the trees that hold a file equal the recount, and it is in one"
        require(0 < file.trees == holders[file], rule, file.digest, file.trees)
    size = sum(len(file.content or b"") for file in files.values())
    require(registry.trees._size == size, "I22: the size of all files equals the recount", size)
    known = {digest for _, digest in trees}
    for worker in registry.workers.values():
        rule = "workers know only trees that may still be named"
        require(worker.known_trees.keys() <= known, rule, worker)


def _is_in_use(spec: SpecRecord) -> bool:
    return bool(spec.definers or spec.unfinished)
