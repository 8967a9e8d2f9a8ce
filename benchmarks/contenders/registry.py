"""Which contenders there are, and which of them this Python can import."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, cast

from benchmarks.contenders.base import Contender
from benchmarks.contenders.serving import serving


class Entry(NamedTuple):
    """Where a contender lives and what it needs."""

    module: str
    requires: tuple[str, ...] = ()
    awaits: bool = True


MODES = {
    "embedded": Entry("ours_embedded", ("picloud",)),
    "served": Entry("ours_served", ("picloud", "picloud_master", "picloud_worker")),
}
RIVALS = {
    "ppe": Entry("process_pool"),
    "pool": Entry("mp_pool", awaits=False),
    "ray": Entry("ray_tasks", ("ray",)),
    "dask": Entry("dask_cluster", ("distributed",)),
}
_ENTRIES = {**{f"ours-{mode}": entry for mode, entry in MODES.items()}, **RIVALS}


def importable(name: str) -> bool:
    """Whether all that a contender needs is installed here."""
    return all(find_spec(module) for module in _ENTRIES[name].requires)


def awaits(name: str) -> bool:
    """Whether a contender can be used from asyncio."""
    return _ENTRIES[name].awaits


@contextmanager
def create(name: str) -> Iterator[Contender]:
    """A contender that is not open yet; ends what had to be started for it."""
    module = import_module(f"benchmarks.contenders.{_ENTRIES[name].module}")
    if name == "ours-served":
        with serving() as served:
            yield cast(Contender, module.Ours(served))
    else:
        yield cast(Contender, module.create())
