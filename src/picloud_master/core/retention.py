"""Which finished jobs are kept no longer, so that a master that runs for months does not grow.

By age, by number and by size, the oldest first. A job is kept whatever its age while an unfinished
job depends on it, or while the job that submitted it has not finished and may still ask for it.
"""

from collections import deque
from collections.abc import Callable, Mapping

from picloud.protocol.ids import JobId
from picloud_master.core.job.actor import JobActor
from picloud_master.core.job.states import Done, Errored, Killed, Killing, Stalled
from picloud_master.core.policy import Policy

NEWS_AT_ONCE = 256
SECONDS_BETWEEN = 10.0
"""A plan is made when so many jobs have finished, or so much time has passed: not for each turn."""

_LOOKED_AT_ANYHOW = 16
_DEAD_ENTRIES = 1_000


class Finished:
    """Jobs with an outcome, in the order in which they got it.

    It holds ids only, so that a job which is deleted before its time is gone at once.

    Attributes:
        count: how many there are.
        size: bytes of their arguments and outcomes, of the blobs of their results, and of what
            they have written.
        blobs: how many bytes the blobs are, of jobs that have any.
        written: how many bytes, and of profiles, had come from a job by its end, if any.
        news: those that have got their outcome since the last plan.
        planned_at: when that was.
    """

    __slots__ = ("blobs", "count", "line", "news", "planned_at", "size", "written")

    def __init__(self) -> None:
        self.line: deque[JobId] = deque()
        self.count = 0
        self.size = 0
        self.blobs: dict[JobId, int] = {}
        self.written: dict[JobId, int] = {}
        self.news: list[JobActor] = []
        self.planned_at = 0.0

    def is_due(self, now: float) -> bool:
        """True when it is time for another plan."""
        return len(self.news) >= NEWS_AT_ONCE or now >= self.planned_at + SECONDS_BETWEEN

    def add_blobs(self, jid: JobId, size: int) -> None:
        """The result of a job that has just finished names so many bytes of blobs."""
        self.blobs[jid] = size
        self.size += size

    def forget(self, job: JobActor) -> None:
        """This one exists no more; its id is passed over when its turn comes."""
        self.count -= 1
        self.size -= size_of(job)
        if self.blobs:
            self.size -= self.blobs.pop(job.id, 0)
        if self.written:
            self.size -= self.written.pop(job.id, 0)

    def take_news(self, jobs: Mapping[JobId, JobActor]) -> int:
        """Put the new ones at the end; returns how many they are. Some may exist no more."""
        news, self.news = self.news, []
        self.count += len(news)
        self.size += sum(  # without a call for most of them
            [
                len(job.payload) + len(job.state.result)
                if type(job.state) is Done
                else size_of(job)
                for job in news
            ]
        )
        for job in news:
            if (job.output is not None or job.spec.profile) and job.id in jobs:
                written = sum(map(len, job.output or ())) + len(job.usage)
                self.written[job.id] = written
                self.size += written
        self.line.extend([job.id for job in news])
        return len(news)

    def drop_dead(self, jobs: Mapping[JobId, JobActor]) -> None:
        """Let go of ids without a job once there are more of them than of others."""
        if len(self.line) > 2 * self.count + _DEAD_ENTRIES:
            self.line = deque([jid for jid in self.line if jid in jobs])


def size_of(job: JobActor) -> int:
    """Bytes that a finished job keeps, but for its function, which it shares, and for blobs."""
    state = job.state
    if type(state) is Done:
        return len(job.payload) + len(state.result)
    if type(state) is Errored:
        failure = state.failure
        texts = len(failure.traceback) + len(failure.message)
        return len(job.payload) + len(failure.exception) + texts
    return len(job.payload)


def expired(
    finished: Finished,
    jobs: Mapping[JobId, JobActor],
    now: float,
    policy: Policy,
    is_needed: Callable[[JobActor], bool],
) -> list[JobActor]:
    """The jobs that are to be forgotten now.

    It looks at few more jobs than have finished since the last time, so that its time per job is
    constant. Those that are needed go to the end of the line, to be looked at again.
    """
    finished.planned_at = now
    chances = 2 * finished.take_news(jobs) + _LOOKED_AT_ANYHOW
    finished.drop_dead(jobs)
    line, count, size = finished.line, finished.count, finished.size
    oldest = now - policy.keep_finished
    found: list[JobActor] = []
    while line and chances:
        job = jobs.get(line[0])
        if job is not None:
            fits = count <= policy.max_finished and size <= policy.max_finished_bytes
            if fits and _finished_at(job) >= oldest:
                break
            chances -= 1
            if is_needed(job):
                line.append(job.id)
            else:
                found.append(job)
                count -= 1
                size -= size_of(job) + finished.blobs.get(job.id, 0)
                size -= finished.written.get(job.id, 0)
        line.popleft()
    return found


def _finished_at(job: JobActor) -> float:
    state = job.state
    assert isinstance(state, Done | Errored | Killed | Killing | Stalled), "only such jobs are here"
    return state.finished
