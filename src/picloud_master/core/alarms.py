"""When jobs that pause are to be woken. The kernel has one alarm, set for the earliest."""

from heapq import heappop, heappush

from picloud.protocol.ids import JobId
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import Delayed


class Alarms:
    """Pausing jobs by time. A job that was killed meanwhile is passed over when its time comes."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, JobId, JobActor]] = []
        self._set: float | None = None

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, until: float, job: JobActor) -> None:
        """Wake this job then."""
        heappush(self._heap, (until, job.id, job))

    def take_due(self, now: float) -> list[JobActor]:
        """The alarm has rung: take the jobs whose time has come, in the order of their times."""
        self._set = None
        due: list[JobActor] = []
        while self._heap and self._heap[0][0] <= now:
            until, _, job = heappop(self._heap)
            if job.state == Delayed(until):
                due.append(job)
        return due

    def take_change(self) -> float | None:
        """When the alarm must ring, if it is not set for then already."""
        heap = self._heap
        while heap and heap[0][2].state != Delayed(heap[0][0]):
            heappop(heap)
        if not heap or (self._set is not None and self._set <= heap[0][0]):
            return None
        self._set = heap[0][0]
        return self._set
