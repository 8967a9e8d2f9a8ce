"""What attempts have used, in bytes that nobody on the way looks into.

Nearly nobody ever asks, so agents and masters only pass it on: to read it and write it again would
take each of them a tenth of the time that they have for a short job.
"""

from picloud.protocol.codec import Codec
from picloud.protocol.errors import RemoteProtocolError
from picloud.statemachine import value


@value
class Usage:
    """What attempts have used that were measured together; each is told its share by its run time.

    Attributes:
        runtime: seconds that they ran, taken together.
        user, system: seconds of CPU time.
        peak: bytes of memory that their process held at most.
        arguments: the repr of them, shortened; empty if those who have the payload can read it.
        profile: the profiler's table; empty unless the spec asks for it.
    """

    runtime: float
    user: float
    system: float
    peak: int
    arguments: str = ""
    profile: str = ""

    def packed(self) -> bytes:
        """The same in bytes."""
        return _USAGES.encode([self])

    @staticmethod
    def unpacked(data: bytes) -> "Usage | None":
        """What `packed` made; None if it is anything else: it comes from where strangers run."""
        try:
            [usage] = _USAGES.decode(data)
        except (RemoteProtocolError, ValueError):
            return None
        assert isinstance(usage, Usage)  # nothing else is in this codec
        return usage


_USAGES = Codec({1: Usage})
