"""What two links say to each other about the connection itself."""

import enum

from picloud.statemachine import value


class PeerRole(enum.Enum):
    """Who speaks."""

    CLIENT = "client"
    WORKER = "worker"
    MASTER = "master"


class CloseReason(enum.Enum):
    """Why a link ends."""

    FINISHED = "finished"
    VERSION = "version"
    PROTOCOL = "protocol"
    REFUSED = "refused"
    SILENCE = "silence"
    LOST = "lost"


@value
class Hello:
    """The greeting of either side: the first message, once."""

    oldest_version: int
    version: int
    role: PeerRole
    name: str


@value
class Heartbeat:
    """A sign of life from a side that had nothing else to say."""


@value
class Drain:
    """This side will send nothing more but still listens."""


@value
class Close:
    """This side is done."""

    reason: CloseReason
    text: str
