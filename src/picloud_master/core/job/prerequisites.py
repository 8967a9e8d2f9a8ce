"""What the jobs of one submission wait for before they may run."""

import sys

from picloud.protocol.ids import JobId
from picloud_master.core.holdings import Holdings


class Prerequisites:
    """Shared by all jobs of one submission: what they depend on is said once for all of them.

    Attributes:
        depends_on: all jobs that were named; empty once nobody needs them any more.
        count: how many were named.
        pending: those of them that have not finished yet.
        ignore_errors: they need not succeed.
        waiting: who waits; empty once they are released or stalled.
        unfinished: how many jobs of the submission have no outcome yet.
        rank: what the pending ones have been raised to, and what those wait for.
        inputs: what the jobs are told of their outcomes with each lease; see `core.inputs`.
        gives: the jobs that these outcomes name.
    """

    __slots__ = (
        "count",
        "depends_on",
        "gives",
        "ignore_errors",
        "inputs",
        "pending",
        "priority",
        "rank",
        "unfinished",
        "waiting",
    )

    def __init__(self, depends_on: list[JobId], ignore_errors: bool) -> None:
        self.depends_on = depends_on
        self.count = len(depends_on)
        self.ignore_errors = ignore_errors
        self.pending: set[JobId] = set()
        self.waiting: list[JobId] = []
        self.unfinished = 0
        self.rank = 0
        self.priority = sys.maxsize
        self.inputs: bytes | None = None
        self.gives = Holdings()

    def __repr__(self) -> str:
        return f"{len(self.pending)} of {self.count} jobs"
