"""The specs of all sessions, and when workers may forget them."""

from collections.abc import Callable
from typing import Any

from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import SpecNumber, WorkerId
from picloud.protocol.payloads import is_spilled
from picloud_master.core.blobs import KeptBlobs
from picloud_master.core.environments import Environments
from picloud_master.core.job.actor import SpecRecord
from picloud_master.core.trees import TreeRecord, Trees
from picloud_master.core.worker.actor import WorkerActor


class Specs:
    """Numbers specs, and counts by whom they are defined.

    Jobs that submit the same function share a spec, though each of them defines it anew: so a
    function that calls itself is sent to a worker, and unpickled there, once.
    """

    def __init__(
        self,
        workers: dict[WorkerId, WorkerActor],
        say_to_worker: Callable[[WorkerId, Any, bool], None],  # Any: ToWorker or a definition
        trees: Trees,
        blobs: KeptBlobs,
        environments: Environments,
    ) -> None:
        self._workers = workers
        self._say_to_worker = say_to_worker
        self._trees = trees
        self._environments = environments
        self._blobs = blobs
        self._next = 1
        self._shared: dict[tuple[str, bytes, TreeRecord | None], SpecRecord] = {}

    def define(self, message: DefineSpec, owner: str, tree: TreeRecord | None) -> SpecRecord:
        """A spec of one client.

        `tree` counts it already, the blobs of its code are kept, and its environment is known.
        """
        number = SpecNumber(self._next)
        self._next += 1
        if is_spilled(message.code):
            places = self._blobs.of_code[number] = self._blobs.named_by(owner, message.code)
            self._blobs.hold(places)
        environment = self._environments.use(owner, message.spec.environment)
        return SpecRecord(number, message.spec, message.code, message.handles, tree, environment)

    def define_shared(self, message: DefineSpec, owner: str, tree: TreeRecord | None) -> SpecRecord:
        """A spec of a job: the one that another job of this owner has defined, if it is equal.

        It has the tree of that job.
        """
        key = (owner, message.code, tree)
        known = self._shared.get(key)
        if known is None:
            known = self._shared[key] = self.define(message, owner, self._trees.share(tree))
            known.owner = owner
        elif known.spec == message.spec and known.handles == message.handles:
            known.definers += 1
        else:
            return self.define(message, owner, self._trees.share(tree))
        return known

    def drop(self, spec: SpecRecord) -> None:
        """A session names it no more."""
        spec.definers -= 1
        self.settle(spec)

    def settle(self, spec: SpecRecord) -> None:
        """Once no session names it and no job needs it, workers forget it."""
        if spec.definers or spec.unfinished:
            return
        if spec.owner is not None:
            del self._shared[spec.owner, spec.code, spec.tree]
        self._trees.drop(spec.tree)
        self._environments.drop(spec.environment)
        self._blobs.release(self._blobs.of_code.pop(spec.number, ()))
        for worker in self._workers.values():
            if spec.number in worker.known_specs:
                worker.known_specs.remove(spec.number)
                self._say_to_worker(worker.id, ForgetSpec(spec.number), not spec.spec.restartable)
