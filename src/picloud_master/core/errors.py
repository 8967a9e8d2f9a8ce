"""What the core raises to itself."""


class Misbehaviour(Exception):  # noqa: N818 - a judgement on a peer
    """A peer sent a valid message that it may not send now.

    The peer is dismissed; nobody else is harmed.
    """
