"""From a user's thread to `SubmitJobs`: job ids from local blocks, and what waits to be sent.

Submitting never waits for the master. The calling thread takes ids and appends to the queue;
the engine's loop takes everything that has been appended, joins neighbours of one spec with
consecutive ids into one message, and names specs by numbers that the master knows.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from picloud.dependencies import Dependencies
from picloud.protocol import limits
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.ids import JobId, SpecNumber
from picloud.protocol.jobs import JobSpec
from picloud.protocol.payloads import is_spilled
from picloud.protocol.tree_messages import FilesWanted, OfferTree, PutFiles
from picloud.protocol.trees import EMPTY, Tree

MAX_SPECS = 256
"""Specs that the master must remember for one client at a time."""

MAX_LARGE_SPECS = 4
"""Of those whose functions name blobs, which are kept as long as they are remembered."""

MAX_JOBS_PER_MESSAGE = 10_000
_FEW_MESSAGES = 1_000  # in one frame


class Sender(Protocol):
    """What a link session offers here."""

    def send(self, message: object) -> None:
        """Send a message with this turn's frame."""

    def flush(self) -> None:
        """Write the frame now."""


class Spec:
    """A function with the options of its jobs; `number` is the engine's.

    Attributes:
        tree: where it finds its modules.
        roots: the modules that the tree is for; none if it is empty.
        spills: payloads of its jobs may name blobs.
    """

    __slots__ = ("code", "handles", "number", "roots", "spec", "spills", "tree")

    def __init__(
        self,
        spec: JobSpec,
        code: bytes,
        handles: list[int] | None = None,
        tree: Tree = EMPTY,
    ) -> None:
        self.spec = spec
        self.code = code
        self.handles = handles
        self.tree = tree
        self.roots: frozenset[str] = frozenset()
        self.spills = False
        self.number: SpecNumber | None = None


class JobsToSend(NamedTuple):
    """Jobs with consecutive ids from `first` on; `watched` and `handles` as in `SubmitJobs`."""

    spec: Spec
    first: int
    payloads: list[bytes]
    watched: bool
    handles: list[list[int]] | None = None
    after: Dependencies | None = None


_new = tuple.__new__


class SubmissionQueue:
    """Job ids and jobs, between the users' threads and the engine's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first = self._next = self._end = self._half = 0
        self._blocks: deque[range] = deque()
        self._used_up: list[range] = []
        self._deleted = range(0)
        self._waiting: deque[JobsToSend] = deque()

    # ------------------------------------------------------------------ any thread

    def put(
        self,
        spec: Spec,
        payload: bytes,
        handles: list[int] | None = None,
        after: Dependencies | None = None,
        watched: bool = True,
    ) -> int | None:
        """Take an id for a job and queue it; None if there is no id left."""
        with self._lock:
            jid = self._next
            if jid == self._end:
                if not self._blocks:
                    return None
                jid = self._open_block()
            self._next = jid + 1
            # Whoever makes a single call will want its outcome, and soon.
            every = None if handles is None else [handles]
            # Half the time of calling the class, in every call of a user.
            self._waiting.append(_new(JobsToSend, (spec, jid, [payload], watched, every, after)))
        return jid

    def put_many(
        self,
        spec: Spec,
        payloads: list[bytes],
        handles: list[list[int]] | None = None,
        after: Dependencies | None = None,
    ) -> range:
        """Queue as many of these jobs as there are ids in one block, from the first on."""
        with self._lock:
            if self._next == self._end and self._blocks:
                self._open_block()
            count = min(len(payloads), self._end - self._next)
            jids = range(self._next, self._next + count)
            if count:
                self._next += count
                few = None if handles is None else handles[:count]
                more = JobsToSend(spec, jids.start, payloads[:count], False, few, after)
                self._waiting.append(more)
        return jids

    @property
    def is_low(self) -> bool:
        """True when half of the last block is used: time to ask for another."""
        return self._next >= self._half and not self._blocks

    @property
    def has_ids(self) -> bool:
        """False when the next job must wait for a block."""
        return self._next < self._end or bool(self._blocks)

    def owns(self, first: int, stop: int) -> bool:
        """True if all these ids were given to jobs, and none was deleted."""
        with self._lock:
            if first < self._deleted.stop and self._deleted.start < stop:
                return False
            if self._first <= first and stop <= self._next:
                return True
            return any(used.start <= first and stop <= used.stop for used in self._used_up)

    def disown(self, jids: Sequence[int]) -> None:
        """These jobs are deleted; those between deleted ones are to be asked about, too."""
        if jids:
            with self._lock:
                known = self._deleted or jids
                self._deleted = range(min(known[0], min(jids)), max(known[-1], max(jids)) + 1)

    def _open_block(self) -> int:
        if self._next > self._first:
            self._used_up.append(range(self._first, self._next))
        block = self._blocks.popleft()
        self._first = block.start
        self._next, self._end = block.start, block.stop
        self._half = block.start + len(block) // 2
        return block.start

    # ------------------------------------------------------------------ engine

    def add_block(self, block: range) -> None:
        """The master reserved these ids for us."""
        with self._lock:
            self._blocks.append(block)
            if self._next == self._end:
                self._open_block()

    def is_empty(self) -> bool:
        """True when nothing waits to be sent."""
        return not self._waiting

    def take(self) -> Iterator[JobsToSend]:
        """Take what waits, neighbours joined as far as one message may hold them."""
        waiting = self._waiting
        while waiting:
            spec, first, payloads, watched, handles, after = waiting.popleft()
            expected = first + len(payloads)
            size = sum(map(len, payloads))
            while waiting:
                next_spec, next_first, more, is_watched, more_handles, next_after = waiting[0]
                if next_spec is not spec or next_first != expected:
                    break
                if is_watched != watched or next_after is not after:
                    break
                size += sum(map(len, more))
                if size > limits.FRAME_TARGET or len(payloads) >= MAX_JOBS_PER_MESSAGE:
                    break
                waiting.popleft()
                if handles is not None or more_handles is not None:
                    handles = _aligned(handles, payloads) + _aligned(more_handles, more)
                payloads += more
                expected += len(more)
            yield JobsToSend(spec, first, payloads, watched, handles, after)


def _aligned(handles: list[list[int]] | None, payloads: list[bytes]) -> list[list[int]]:
    return [[] for _ in payloads] if handles is None else handles


class Submitter:
    """Writes submissions to one link, in frames of reasonable size, defining specs as needed.

    `expect` is told of the jobs whose outcomes will come unasked.
    """

    def __init__(self, link: Sender, expect: Callable[[range], None]) -> None:
        self._link = link
        self._expect = expect
        self._known: OrderedDict[SpecNumber, Spec] = OrderedDict()
        self._last_number = 0
        self._unwritten = self._messages = 0
        self._trees: set[bytes] = {EMPTY.digest}
        self._offered: Spec | None = None

    def is_ready(self, spec: Spec) -> bool:
        """True if jobs of this spec can be sent; else its modules are offered, if they are not."""
        if spec.tree.digest in self._trees:
            return True
        if self._offered is None:
            self._offered = spec
            files = spec.tree.files
            digests = [file.digest for file in files]
            self._make_room(sum(len(file.path) + len(file.digest) for file in files))
            self._link.send(OfferTree(spec.tree.digest, [file.path for file in files], digests))
        return False

    def send_files(self, message: FilesWanted) -> None:
        """The master has what was offered, apart from these files: send them."""
        spec, self._offered = self._offered, None
        assert spec is not None  # the master answers what was offered
        files = [spec.tree.files[number] for number in message.files]
        for content in {file.digest: file.content for file in files}.values():
            self._make_room(len(content))
            self._link.send(PutFiles([content]))
        self._trees.add(spec.tree.digest)

    def submit(self, submission: JobsToSend) -> None:
        """Send the jobs."""
        spec, first, payloads, watched, handles, after = submission
        number = self._number_of(spec)
        size = sum(map(len, payloads))
        ranges, ignores = (None, False) if after is None else (after.ranges, after.ignore_errors)
        if ranges is not None or handles is not None:
            size += limits.INT_SIZE * (len(ranges or ()) + sum(map(len, handles or ())))
        self._make_room(size)
        spilled = spec.spills and any(map(is_spilled, payloads))
        message = SubmitJobs(
            number, JobId(first), payloads, watched, ranges, ignores, handles, spilled
        )
        self._link.send(message)
        if watched:
            self._expect(range(first, first + len(payloads)))

    def end_turn(self) -> None:
        """What was sent so far leaves as one frame with whatever else this turn sends."""
        self._unwritten = self._messages = 0

    def undefine(self, messages: Sequence[object]) -> None:
        """These were never sent: the specs that they define have to be defined again."""
        for message in messages:
            if isinstance(message, DefineSpec):
                self._known.pop(message.number, None)

    def _number_of(self, spec: Spec) -> SpecNumber:
        if spec.number is not None and self._known.get(spec.number) is spec:
            self._known.move_to_end(spec.number)
            return spec.number
        self._last_number += 1
        spec.number = number = SpecNumber(self._last_number)
        if len(self._known) >= MAX_SPECS:
            self._forget(next(iter(self._known)))
        if is_spilled(spec.code):
            large = [each for each, known in self._known.items() if is_spilled(known.code)]
            for each in large[: max(0, len(large) + 1 - MAX_LARGE_SPECS)]:
                self._forget(each)
        self._known[number] = spec
        self._make_room(len(spec.code))
        definition = DefineSpec(
            number, spec.spec, spec.code, handles=spec.handles, tree=spec.tree.digest
        )
        self._link.send(definition)
        return number

    def _forget(self, number: SpecNumber) -> None:
        """What names it was sent before this; what comes later finds it forgotten."""
        del self._known[number]
        self._link.send(ForgetSpec(number))

    def _make_room(self, size: int) -> None:
        """Start another frame rather than let this one grow over what the peer accepts."""
        if self._unwritten + size > limits.FRAME_TARGET or self._messages >= _FEW_MESSAGES:
            self._link.flush()
            self._unwritten = self._messages = 0
        self._unwritten += size
        self._messages += 1
