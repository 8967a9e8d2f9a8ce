"""What can go wrong on a link, told apart by whose fault it is.

ProtocolError
    LocalProtocolError      we asked for something the link cannot do now: our bug
    RemoteProtocolError     the peer sent what no peer of ours sends
        NoCommonVersionError  the peer speaks no version that we speak
"""


class ProtocolError(Exception):
    """Root of this tree."""


class LocalProtocolError(ProtocolError):
    """This side misused the link."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; its link is closed and nobody else is harmed."""


class NoCommonVersionError(RemoteProtocolError):
    """The two ends have no protocol version in common."""
