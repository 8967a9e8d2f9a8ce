"""The start of a worker. It imports little: the zygote boots while the rest is imported."""

from collections.abc import Sequence

from picloud.aio.places import environments_place, state_places
from picloud.blobs.places import make_store
from picloud.blobs.store import BlobStore
from picloud.protocol.jobs import SlotPool, most_cores
from picloud_worker.interpreters.booting import boot
from picloud_worker.interpreters.settings import InterpreterSettings
from picloud_worker.state import make_state_dir


class WorkerBoot:
    """What a worker has from its first moment on.

    Args:
        offers: the cores that it offers.
        import_path: where jobs look for modules first.
        store: one that it shares with the master; None for one of its own.

    Attributes:
        offers: the same.
        shares_store: its store was given.
        store: it, or the one that was made.
        settings: of its interpreters.
        zygote: the process that starts them.

    Raises:
        OSError: there is no place for files, or no room for a process.
    """

    def __init__(
        self,
        offers: list[SlotPool],
        import_path: Sequence[str] = (),
        store: BlobStore | None = None,
    ) -> None:
        self.offers = offers
        self.shares_store = store is not None
        self.store = store or make_store(state_places())
        self.settings = InterpreterSettings(
            make_state_dir(),
            list(import_path),
            stores=list(self.store.directories),
            environments=str(environments_place()),
            most_cores=most_cores(offers) if self.shares_store else {},
        )
        self.zygote = boot(self.settings)
