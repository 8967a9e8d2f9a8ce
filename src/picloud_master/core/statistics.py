"""What a master counts, for people and for tests."""


class Statistics:
    """Counts since the master began.

    Attributes:
        submitted: jobs, those of jobs included.
        nested: jobs of jobs.
        cycles_refused: handles of unknown origin that a job was refused, since it could have come
            to wait for itself through them.
        cycles_met: waits for oneself that the rules of access had let through. Stays 0 as long as
            the code does what the proof says.
        misbehaved: attempts that were ended since their process sent nonsense.
    """

    __slots__ = ("cycles_met", "cycles_refused", "misbehaved", "nested", "submitted")

    def __init__(self) -> None:
        self.submitted = 0
        self.nested = 0
        self.cycles_refused = 0
        self.cycles_met = 0
        self.misbehaved = 0
