"""Limits and durations that the core decides by."""

from picloud.statemachine import value


@value
class Policy:
    """What a master may be set to.

    Attributes:
        max_restarts: how often a restartable job runs again after its worker was lost.
        max_leases_per_core: upper bound of the window that a worker may ask for.
        max_jids_per_session: job ids that one session may reserve.
        story_length: events remembered for stories, over all actors.
        durable: records of changed jobs leave with each turn, for a store that keeps them.
    """

    max_restarts: int = 3
    max_leases_per_core: int = 4096
    max_jids_per_session: int = 1 << 40
    story_length: int = 10_000
    durable: bool = False
