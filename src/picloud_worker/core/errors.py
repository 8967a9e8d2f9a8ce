"""What the agent's core raises to itself."""


class UnfitOrderError(Exception):
    """The master asked for what cannot be done here: a bug of the master, which ends the link."""
