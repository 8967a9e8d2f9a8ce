"""What a handler may know beside its actor."""

from picloud.statemachine import value
from picloud_master.core.policy import Policy


@value
class Context:
    """One turn's time, in UTC seconds, and the rules in force."""

    now: float
    policy: Policy
