"""The environments of all owners: what their names mean, and how long they are kept.

A spec that names an environment keeps it, whatever becomes of the name. Those that neither a name
nor a spec needs are kept for a while: a submission may be under way that names one.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from picloud.protocol import limits
from picloud.protocol.environment_messages import CreateEnvironment, ForgetEnvironment
from picloud.protocol.environments import (
    Environment,
    environment_of,
    is_environment_name,
    is_python,
)
from picloud.protocol.ids import WorkerId
from picloud_master.core.errors import Misbehaviour
from picloud_master.core.worker.actor import WorkerActor


class EnvironmentRecord:
    """An environment of one owner.

    Attributes:
        names: how many names mean it.
        specs: how many specs name it.
    """

    __slots__ = ("environment", "names", "owner", "specs")

    def __init__(self, owner: str, environment: Environment) -> None:
        self.owner = owner
        self.environment = environment
        self.names = 0
        self.specs = 0

    @property
    def is_needed(self) -> bool:
        """A name or a spec needs it."""
        return bool(self.names or self.specs)


_Key = tuple[str, str]
"""An owner, and a digest or a name."""


class Environments:
    """What clients have created.

    Args:
        limit: environments that are kept although nothing needs them.
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
        self._known: dict[_Key, EnvironmentRecord] = {}
        self._unused: OrderedDict[_Key, EnvironmentRecord] = OrderedDict()
        self._names: dict[str, dict[str, EnvironmentRecord]] = {}

    # ------------------------------------------------------------------ names

    def create(self, owner: str, message: CreateEnvironment) -> bool:
        """Let a name mean this from now on; False if it does so already.

        Raises:
            Misbehaviour: it is no environment, or no name.
        """
        name, python, lock = message.name, message.python, message.lock
        if not is_environment_name(name) or not is_python(python) or len(lock) > limits.MAX_LOCK:
            raise Misbehaviour("an environment without a proper name, version or lock")
        environment = environment_of(python, lock)
        names = self._names.setdefault(owner, {})
        before = names.get(name)
        if before is not None and before.environment.digest == environment.digest:
            return False
        record = self._known.setdefault(
            (owner, environment.digest), EnvironmentRecord(owner, environment)
        )
        record.names += 1
        self._unused.pop((owner, environment.digest), None)
        names[name] = record
        if before is not None:
            self._unname(before)
        return True

    def has_room(self, owner: str, name: str) -> bool:
        """True if the owner may have an environment of this name."""
        names = self._names.get(owner, {})
        return name in names or len(names) < limits.MAX_ENVIRONMENTS

    def named(self, owner: str, name: str) -> Environment | None:
        """What a name means; None if nothing."""
        record = self._names.get(owner, {}).get(name)
        return record.environment if record is not None else None

    def names(self, owner: str) -> list[str]:
        """All names of an owner."""
        return sorted(self._names.get(owner, {}))

    def delete(self, owner: str, name: str) -> bool:
        """Forget a name; False if there is none."""
        record = self._names.get(owner, {}).pop(name, None)
        if record is None:
            return False
        if not self._names[owner]:
            del self._names[owner]
        self._unname(record)
        return True

    def _unname(self, record: EnvironmentRecord) -> None:
        record.names -= 1
        self._settle(record)

    # ------------------------------------------------------------------ specs

    def check(self, owner: str, digest: str) -> None:
        """See that a spec may name this one.

        Raises:
            Misbehaviour: it is not known.
        """
        if digest and (owner, digest) not in self._known:
            raise Misbehaviour("a spec names an environment that is not known")

    def use(self, owner: str, digest: str) -> EnvironmentRecord | None:
        """A spec names this one, which is known, from now on; None for those of its worker."""
        if not digest:
            return None
        record = self._known[owner, digest]
        record.specs += 1
        self._unused.pop((owner, digest), None)
        return record

    def drop(self, record: EnvironmentRecord | None) -> None:
        """A spec names it no more."""
        if record is not None:
            record.specs -= 1
            self._settle(record)

    # ------------------------------------------------------------------ room

    def _settle(self, record: EnvironmentRecord) -> None:
        if not record.is_needed:
            self._unused[record.owner, record.environment.digest] = record
        while len(self._unused) > self._limit:
            key, _ = self._unused.popitem(last=False)
            del self._known[key]
            self._tell_workers(key[1])

    def _tell_workers(self, digest: str) -> None:
        if any(known == digest for _, known in self._known):
            return  # another owner has it, too
        for worker in self._workers.values():
            if digest in worker.known_environments:
                worker.known_environments.remove(digest)
                self._say_to_worker(worker.id, ForgetEnvironment(digest))
