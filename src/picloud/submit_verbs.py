"""The verbs that make jobs, as coroutines that wait for nothing but `Waiter`s."""

import platform
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import Any, cast

from picloud import errors
from picloud.code import functions, signatures, values
from picloud.code.modules.scan import NOTHING, Scan
from picloud.code.modules.ways import described
from picloud.code.unshippable import Unshippable
from picloud.connected import AnyClient, Connected, ask_in_pieces
from picloud.dependencies import Dependencies
from picloud.grants import Grant
from picloud.job import HandleSession, Job, JobMap, check_origins, job_of
from picloud.job_futures import kill_soon
from picloud.job_options import NO_OPTIONS, JobOptions
from picloud.large_values import Keeper, Keepers
from picloud.map_items import Piece, append, pieces_of
from picloud.needed_modules import NONE, NeededModules, scan_with
from picloud.protocol.client_messages import AskStatus
from picloud.submissions import MAX_SPECS, Spec
from picloud.submit_options import NO_SUBMIT_OPTIONS, SubmitOptions
from picloud.waiters import LoopTurn

PIECE_ITEMS = 1_000
"""Items of a `map` that are sent together; a piece ends before that at a megabyte.

Only where all of the input is there already: items of a generator are handed to the engine one by
one, which collects what has come in half a millisecond. So a generator may wait, even for a job
that it has just made.
"""

PYTHON = ".".join(platform.python_version_tuple()[:2])


SpecKey = tuple[bytes, JobOptions, bytes]
"""What makes jobs alike: the function, the options, and the tree of modules."""

PackedCall = tuple[Spec, bytes, list[int] | None, SubmitOptions, Mapping[str, int], "Keeper | None"]
"""A call that is checked, pickled and ready to be submitted: its function, its arguments, the
handles in them, how to submit it, of which clouds are the jobs that it names, and the blobs that it
names, if any."""


class SubmitVerbs(Connected):
    """`acall` and `amap`."""

    _specs: dict[SpecKey, Spec]
    _needed = NeededModules()  # a client's session has its own; inside a job nothing is noted

    async def acall(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """Run `func(*args, **kwargs)` as a job; see `cloud.call`."""
        return await self.submit_call(NO_OPTIONS, func, args, kwargs)

    async def amap(
        self, func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any
    ) -> JobMap:
        """Run `func` on each item as a job; see `cloud.map`."""
        return await self.submit_map(NO_OPTIONS, func, iterables, options)

    async def submit_call(
        self,
        options: JobOptions,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Job:
        """What `acall` does, with options."""
        if kwargs:
            options, kwargs = options.with_keywords(kwargs)
        if options.env is not None:
            options = await self.resolved(options)
        call = self.packed_call(options, func, args, kwargs)
        job = self.submit_now(call)
        return job if job is not None else await self.submit_packed(call)

    async def submit_packed(self, call: PackedCall) -> Job:
        """Submit a job as soon as that can be done."""
        job = None
        keeper = call[5]
        client = self._client or await self._opened_for(call[0])
        try:
            while job is None:
                await self._check_dependencies(client, call[3].after)
                if keeper is not None:
                    await keeper.keep(client)
                await client.wait_ready()
                job = self.submit_now(call)
        finally:
            if keeper is not None:
                keeper.release(client)
        return job

    def packed_call(
        self,
        options: JobOptions,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> PackedCall:
        """Check and pickle a call."""
        submit = options.submit
        if submit is not NO_SUBMIT_OPTIONS:
            self._check_submit(submit)
        packed, payload = functions.kept(func), values.dumps_plain((args, kwargs))
        has_notes = packed is None or payload is None  # rarely
        keeper = Keeper(self.blobs) if has_notes and self.blobs is not None else None
        notes = values.Notes(keeper) if has_notes else _NO_NOTES
        try:
            packed = packed or functions.pack(func, keeper)
            try:
                packed.check(*args, **kwargs)
            except TypeError as error:
                signatures.check_again(func, args, kwargs, error)
            payload = payload or values.dumps((args, kwargs), notes)
            needed = self._needed.of(notes.handles) if notes.handles else NONE
            spec = self._spec(packed, options, notes.roots, needed)
        except _UNSENDABLE as error:
            raise _unsendable(error, func, (args, kwargs)) from error
        if keeper is not None and keeper.has_new:
            spec.spills = True
        else:
            keeper = None
        origins = {**packed.origins, **notes.origins} if packed.origins else notes.origins
        return spec, payload, notes.handles or None, submit, origins, keeper

    def submit_now(self, call: PackedCall) -> Job | None:
        """Submit a job; None if that must wait.

        Raises:
            ValueError: it names a job of another cloud, or depends on one.
        """
        client = self._client
        if client is None or client.submissions.is_blocked:
            return None
        spec, payload, handles, options, origins, keeper = call
        if keeper is not None and keeper.has_new:
            return None
        if origins:
            check_origins(origins, cast("HandleSession", self))
        after = options.after
        if after is not None and not self._knows(client, after):
            return None
        jid = client.submissions.submit(spec, payload, handles, after)
        if jid is None:
            return None
        if spec.roots:
            self._needed.note(jid, jid + 1, spec.roots)
        if options.has_callbacks:
            self._call_back(range(jid, jid + 1), options)
        return job_of(jid, cast("HandleSession", self))

    async def submit_map(
        self,
        options: JobOptions,
        func: Callable[..., Any],
        iterables: tuple[Iterable[Any], ...],
        keywords: dict[str, Any],
    ) -> JobMap:
        """What `amap` does, with options."""
        options, rest = options.with_keywords(keywords)
        if rest:
            raise TypeError(
                f"map() passes no keyword arguments on, such as {next(iter(rest))}: "
                "use functools.partial or a lambda"
            )
        if not iterables:
            raise ValueError("map() needs at least one iterable")
        self._check_submit(options.submit)
        if options.env is not None:
            options = await self.resolved(options)
        calls = zip(*iterables)  # noqa: B905 - ends with the shortest, like the built-in
        try:
            is_there = all(isinstance(each, Sized) for each in iterables)
            keepers = self._keepers(is_still=all(type(each) in _STILL for each in iterables))
            packed = functions.pack(func, keepers.lasting)
            pieces = pieces_of(func, packed, calls, PIECE_ITEMS if is_there else 1, keepers.passing)
            if options.submit.after is not None:
                client = self._client or await self._opened()
                await self._check_dependencies(client, options.submit.after)
            ranges = await self._stream(packed, pieces, options, keepers)
        except _UNSENDABLE as error:
            raise _unsendable(error, func) from error
        return JobMap(ranges, cast("HandleSession", self))

    async def _stream(
        self,
        packed: functions.PackedFunction,
        pieces: Iterable[Piece],
        options: JobOptions,
        keepers: Keepers,
    ) -> list[range]:
        """Send pieces while the input is still being read; kill them if that fails half way."""
        ranges: list[range] = []
        # All jobs of a map run the same code, however long its input takes to come.
        spec, known, needed = self._spec(packed, options, set(), NONE), 0, NONE
        try:
            unturned = 0
            for piece in pieces:
                unturned += len(piece.payloads)
                if piece.handles:
                    needed |= self._needed.of(*piece.handles)
                count = len(piece.roots) + len(needed)
                if count > known:  # the items need more modules than those so far
                    spec, known = self._spec(packed, options, piece.roots, needed), count
                if keepers.have_new:
                    spec.spills = True
                    await keepers.keep(self._client or await self._opened())
                await self._send_piece(spec, piece, options.submit, ranges)
                keepers.end_piece(self._client)
                if unturned >= PIECE_ITEMS:
                    unturned = 0
                    await LoopTurn()
        except BaseException:
            # The caller gets no handle of these jobs.
            for jids in ranges:
                kill_soon(self, jids)
            raise
        finally:
            keepers.end(self._client)
        return ranges

    def _keepers(self, *, is_still: bool) -> Keepers:
        if self.blobs is None:
            return Keepers(None, None)
        lasting = Keeper(self.blobs, is_still=is_still)
        return Keepers(lasting, lasting if is_still else Keeper(self.blobs))

    async def _send_piece(
        self, spec: Spec, piece: Piece, options: SubmitOptions, ranges: list[range]
    ) -> None:
        client = self._client or await self._opened_for(spec)
        payloads, handles, _, origins = piece
        if origins:
            check_origins(origins, cast("HandleSession", self))
        while payloads:
            if client.submissions.is_blocked:
                await client.wait_ready()
            jids = client.submissions.submit_many(spec, payloads, handles, options.after)
            if not jids:
                await client.wait_ready()
            elif options.has_callbacks:
                self._call_back(jids, options)
            if jids and spec.roots:
                self._needed.note(jids.start, jids.stop, spec.roots)
            payloads = payloads[len(jids) :]
            handles = None if handles is None else handles[len(jids) :]
            append(ranges, jids)

    async def _opened_for(self, spec: Spec) -> AnyClient:
        """Connect for jobs of a spec that was made before it was known what workers there are."""
        client = await self._opened()
        try:
            client.environments.check(spec.spec)
        except errors.EnvironmentUnavailable:
            self._specs.clear()  # the next call is to be refused as well
            raise
        return client

    # ------------------------------------------------------------------ dependencies

    def _knows(self, client: AnyClient, after: Dependencies) -> bool:
        """True if these jobs are known to exist: this session's own ones are.

        Raises:
            ValueError: they are of another session.
        """
        if after.is_checked_by(self):
            return True
        after.check_origin(cast("HandleSession", self))
        if not all(client.submissions.owns(first, stop) for first, stop in after.pairs()):
            return False
        after.set_checked_by(self)
        return True

    async def _check_dependencies(self, client: AnyClient, after: Dependencies | None) -> None:
        """Ask the master about those that are not known to exist.

        Raises:
            AccessDenied: one does not exist, or not for this session.
            ValueError: they are of another session.
        """
        if after is None or self._knows(client, after):
            return
        owns = client.submissions.owns
        others = [
            jid
            for first, stop in after.pairs()
            if not owns(first, stop)
            for jid in range(first, stop)
        ]
        self._present(after.grants)
        await ask_in_pieces(client, AskStatus, others)
        after.set_checked_by(self)

    # ------------------------------------------------------------------ what differs by session

    @abstractmethod
    def _call_back(self, jids: range, options: SubmitOptions) -> None:
        """Have the callbacks called at the end of these jobs."""

    def _check_submit(self, options: SubmitOptions) -> None:
        """Refuse what this kind of session does not offer.

        Raises:
            CloudException: it does not.
        """

    def _present(self, grants: Sequence[Grant]) -> None:
        """Show what handles carry. A client need not: it may reach all jobs of its account."""

    def _check_offer(self, options: JobOptions) -> None:
        """Refuse what is known to be impossible on this cloud.

        Raises:
            ValueError: no worker could ever run such a job.
        """

    def scan(self, roots: frozenset[str], only: tuple[str, ...] | None) -> Scan:
        """The user's own modules that these need, as they are now; `only` these, if it is given.

        Raises:
            Unshippable: one cannot travel.
        """
        return NOTHING  # inside a job they are there

    def _spec(
        self,
        packed: functions.PackedFunction,
        options: JobOptions,
        roots: set[str],
        needed: frozenset[str],
    ) -> Spec:
        """The spec of a function whose arguments need more modules (`roots`) than itself.

        Args:
            needed: by jobs whose handles are among the arguments.
        """
        if packed.handles or options.submit is not NO_SUBMIT_OPTIONS:
            needed = needed | self._needed.of(packed.handles, _awaited(options))
        options = options.bare
        every = packed.roots.union(roots) if roots else packed.roots
        only = options.transfer_modules
        if needed:
            scan, every = scan_with(self.scan, every, needed, only)
        else:  # nearly always
            scan = self.scan(every, None if only is True else only)
        tree = scan.tree
        key = (packed.digest, options, tree.digest)
        spec = self._specs.get(key)
        if spec is None:
            self._check_offer(options)
            job_spec = options.spec(packed.name, PYTHON)
            if self._client is not None:
                self._client.environments.check(job_spec)
            spec = Spec(job_spec, packed.code, packed.handles, tree)
            spec.roots = every if tree.files else NONE
            while len(self._specs) >= MAX_SPECS:
                self._specs.pop(next(iter(self._specs)), None)
            self._specs[key] = spec
        return spec

    def scan_of(self, roots: frozenset[str], handles: list[int], options: JobOptions) -> Scan:
        """What a job would be given that needs these modules and is passed these handles."""
        needed = self._needed.of(handles, _awaited(options))
        return scan_with(self.scan, roots, needed, options.transfer_modules)[0]


def _awaited(options: JobOptions) -> list[int] | None:
    after = options.submit.after
    return None if after is None else after.ranges


_NO_NOTES = values.Notes()

_STILL = frozenset({list, tuple, range, set, frozenset, dict, str, bytes})
"""What runs no code of the user's while it is walked through."""

_UNSENDABLE = (values.Unpicklable, values.Oversize, values.NoRoom, Unshippable)


def _unsendable(error: Exception, func: Any, call: Any = ((), {})) -> errors.CloudException:
    if isinstance(error, values.NoRoom):
        return errors.StorageFull(str(error), hint="free some, or read files inside the job")
    text = described(error, func, call) if isinstance(error, Unshippable) else str(error)
    return errors.SerializationError(text)
