"""Identities: integers and bytes that must not be mistaken for one another."""

from typing import NewType

JobId = NewType("JobId", int)
"""A job, for ever. Clients pick them from blocks that the master reserved for their session."""

SessionId = NewType("SessionId", int)
"""One client connection, as the master counts them."""

WorkerId = NewType("WorkerId", int)
"""One worker registration, as the master counts them; a worker that comes back gets a new one."""

Fence = NewType("Fence", int)
"""The rising number of a lease; a report that carries another one is late."""

SpecNumber = NewType("SpecNumber", int)
"""Short name of a `JobSpec` on one link."""

RequestId = NewType("RequestId", int)
"""A question of a client; its answer carries the same number."""

Handles = list[int]
"""Jobs that pickled bytes name: `first, stop` of each range of ids, one after the other."""
