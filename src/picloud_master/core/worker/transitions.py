"""What each event means to a worker in each state; the table at the end is the machine."""

from picloud.statemachine import Step, Table
from picloud_master.core.context import Context
from picloud_master.core.worker.actor import WorkerActor
from picloud_master.core.worker.events import (
    CoresLent,
    CoresTaken,
    LeasesEnded,
    LeasesGranted,
    LinkLost,
    WindowChanged,
    WorkerEvent,
)
from picloud_master.core.worker.states import Active, Gone


def granted(worker: WorkerActor, state: Active, event: LeasesGranted, context: Context) -> Step:
    """It holds more leases."""
    worker.leases.update(dict.fromkeys(event.jids, event.pool))
    worker.count(event.pool, event.rank, event.cores)
    return Step(state)


def leases_ended(
    worker: WorkerActor, state: Active | Gone, event: LeasesEnded, context: Context
) -> Step:
    """It has room again, or is gone and its leases are being counted down."""
    ranks = event.ranks
    for jid, cores in zip(event.jids, event.cores, strict=True):
        pool = worker.leases.pop(jid)
        if jid in ranks:
            worker.count(pool, ranks[jid], -cores)
        else:
            worker.leased_cores[pool] -= cores
    return Step(state)


def lent(worker: WorkerActor, state: Active, event: CoresLent, context: Context) -> Step:
    """The lease stays; it counts for nothing while its job sleeps."""
    worker.count(worker.leases[event.jid], event.rank, -event.cores)
    return Step(state)


def taken(worker: WorkerActor, state: Active | Gone, event: CoresTaken, context: Context) -> Step:
    """More may be leased now than there is room for: nothing is granted until that has ended."""
    worker.count(worker.leases[event.jid], event.rank, event.cores)
    return Step(state)


def window_changed(
    worker: WorkerActor, state: Active, event: WindowChanged, context: Context
) -> Step:
    """Jobs have become shorter or longer."""
    worker.window = max(1, min(event.leases_per_core, context.policy.max_leases_per_core))
    return Step(state)


def link_lost(worker: WorkerActor, state: Active, event: LinkLost, context: Context) -> Step:
    """The kernel tells its jobs; here nothing more can be placed."""
    return Step(Gone(event.text))


def late(worker: WorkerActor, state: Gone, event: WorkerEvent, context: Context) -> Step:
    """A wish that crossed the loss of the link: nothing changes."""
    return Step(state)


TRANSITIONS: Table = {
    Active: {
        LeasesGranted: granted,
        LeasesEnded: leases_ended,
        CoresLent: lent,
        CoresTaken: taken,
        WindowChanged: window_changed,
        LinkLost: link_lost,
    },
    Gone: {
        LeasesEnded: leases_ended,
        CoresTaken: taken,
        WindowChanged: late,
        LinkLost: late,
    },
}
