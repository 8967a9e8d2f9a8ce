"""The verbs about jobs that exist, as coroutines that wait for nothing but `Waiter`s."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from picloud import large_values
from picloud.code.shown import shown_plain
from picloud.connected import AnyClient, Connected, ask_all, ask_in_pieces, timeout_error
from picloud.job import (
    HandleSession,
    Job,
    JobMap,
    _All,
    check_origins,
    first_of,
    loading,
    origin_of,
)
from picloud.job_arguments import jids_of
from picloud.job_options import check_timeout
from picloud.outcomes import Gather, Outcome
from picloud.protocol import client_messages as messages
from picloud.protocol.ids import JobId
from picloud.result_streams import Completions, Opened, ResultStream
from picloud.result_values import NO_BLOBS, error_of, raise_error, value_of, values_of
from picloud.waiters import Wake
from picloud.watches import Question

_INFOS = 64
"""Jobs that are asked about at once: what one has written takes 600 KB at most, its traceback more.
"""


class WaitVerbs(Connected):
    """Results, statuses, and what else there is to ask of jobs or to do to them."""

    async def aresult(
        self, jobs: Any, timeout: float | None = None, ignore_errors: bool = False
    ) -> Any:
        """Wait for jobs and return what they returned; see `cloud.result`."""
        jids, is_single, opened = self._jids_of(jobs)
        outcomes = await self._gathered(jids, opened, timeout, ignore_errors, wants_results=True)
        session = cast("HandleSession", self)
        blobs = NO_BLOBS
        if large_values.are_spilled(outcomes):
            blobs = await large_values.opened(await opened(), self.blobs, outcomes)
        if is_single:
            return value_of(jids[0], outcomes[0], ignore_errors, session, blobs)
        return values_of(jids, outcomes, ignore_errors, session, blobs)

    async def ajoin(
        self, jobs: Any, timeout: float | None = None, ignore_errors: bool = False
    ) -> None:
        """Wait for jobs; see `cloud.join`."""
        jids, _, opened = self._jids_of(jobs)
        await self._gathered(jids, opened, timeout, ignore_errors, wants_results=False)

    def airesult(
        self, jobs: Any, timeout: float | None = None, ignore_errors: bool = False
    ) -> ResultStream:
        """Iterate over results as they come, in the order of the jobs; see `cloud.iresult`."""
        jids, _, opened = self._jids_of(jobs)
        session = cast("HandleSession", self)
        seconds = check_timeout(timeout)
        return ResultStream(opened, session, jids, seconds, ignore_errors, self.blobs)

    def aas_completed(self, jobs: Any, timeout: float | None = None) -> Completions:
        """Iterate over jobs in the order of their completion; see `cloud.as_completed`."""
        jids, _, opened = self._jids_of(jobs)
        session, seconds = cast("HandleSession", self), check_timeout(timeout)
        return Completions(opened, session, jids, seconds, self.clock)

    async def _gathered(
        self,
        jids: Sequence[int],
        opened: Opened,
        timeout: float | None,
        ignore_errors: bool,
        *,
        wants_results: bool,
    ) -> Sequence[Outcome]:
        """Wait for outcomes.

        Raises:
            CloudException: a job did not succeed, unless `ignore_errors`; or the wait failed.
        """
        seconds = check_timeout(timeout)
        if not jids:
            return []
        if wants_results and (results := self._at_hand(jids)) is not None:
            return results
        client = await opened()
        gather = Gather(jids, wants_results=wants_results, fails_fast=not ignore_errors)
        wake: Wake | None = None
        try:
            client.watch(gather)
            if seconds is not None:
                client.expire(gather, seconds)
            wake = await gather
            if wake is Wake.EXPIRED:
                await self._raise_timeout(gather)
        finally:
            if gather.missing:
                client.forget(gather)
        if wake is Wake.LOST:
            raise client.loss()
        if gather.failed is not None:
            with loading(cast("HandleSession", self)):
                raise_error(error_of(jids[gather.failed], gather.outcomes[gather.failed]))
        return gather.outcomes  # type: ignore[return-value]  # none is pending now

    def _at_hand(self, jids: Sequence[int]) -> Sequence[bytes] | None:
        """What these jobs returned, if all of it is here already."""
        return None

    async def _raise_timeout(self, gather: Gather) -> None:
        """Say why the first unfinished job is not finished, unless all have finished by now."""
        jid = gather.first_unfinished()
        if jid is None:
            return
        error = await timeout_error(await self._opened(), jid)
        # The answer came after every outcome that there was when the question arrived.
        if gather.missing and gather.failed is None:
            raise error

    # ------------------------------------------------------------------ ask and tell

    async def astatus(self, jobs: Any) -> Any:
        """Ask for the status of jobs; see `cloud.status`."""
        jids, is_single, opened = self._jids_of(jobs)
        statuses: list[str] = []
        for answer in await ask_in_pieces(await opened(), messages.AskStatus, jids):
            assert isinstance(answer, messages.StatusesRead)  # the answer to this question
            statuses += answer.statuses
        return statuses[0] if is_single else statuses

    async def ainfo(
        self, jobs: Any, fields: str | Sequence[str] | None = None
    ) -> dict[int, dict[str, Any]]:
        """Tell what is known of jobs; see `cloud.info`."""
        wanted = _fields(fields)
        jids, _, opened = self._jids_of(jobs)
        infos: list[dict[str, Any]] = []
        for answer in await ask_in_pieces(await opened(), messages.AskInfo, jids, _INFOS):
            assert isinstance(answer, messages.InfosRead)  # the answer to this question
            infos += answer.infos
        _check_known(wanted, infos)
        return {jid: _chosen(info, wanted) for jid, info in zip(jids, infos, strict=True)}

    async def akill(self, jobs: Any) -> None:
        """Kill jobs; see `cloud.kill`."""
        if isinstance(jobs, _All):
            await ask_all(await self._opened(), [Question(messages.KillAllJobs)])
        else:
            jids, _, opened = self._jids_of(jobs)
            await ask_in_pieces(await opened(), messages.KillJobs, jids)

    async def adelete(self, jobs: Any) -> None:
        """Forget finished jobs; see `cloud.delete`."""
        jids, _, opened = self._jids_of(jobs)
        client = await opened()
        await ask_in_pieces(client, messages.DeleteJobs, jids)
        client.forget_outcomes(jids)

    async def awhy(self, job: Any) -> str:
        """Say why a job has not finished; see `cloud.why`."""
        if not isinstance(job, int):
            raise TypeError(f"why() takes one job, not {job!r:.80}")
        (jid,), _, opened = self._jids_of(job)
        question = Question(lambda number: messages.AskWhy(number, JobId(jid)))
        [answer] = await ask_all(await opened(), [question])
        assert isinstance(answer, messages.ReasonRead)  # the answer to this question
        return answer.text

    def _jids_of(self, jobs: Any) -> tuple[Sequence[int], bool, Opened]:
        """Read a `jobs` argument: the numbers, whether it was a single job, and how to go on."""
        strangers: list[Job | JobMap] = []
        jids, is_single = jids_of(jobs, cast("HandleSession", self), strangers)
        return jids, is_single, self._opened_to(strangers) if strangers else self._opened

    def _opened_to(self, strangers: list[Job | JobMap]) -> Opened:
        """Let in handles that were not made here, now or when the session has opened.

        Raises:
            ValueError: one is of another cloud.
        """
        session = cast("HandleSession", self)
        origins = {
            origin: first_of(jobs) for jobs in strangers if (origin := origin_of(jobs)) is not None
        }
        check_origins(origins, session)
        if not origins or self.origin is not None:
            return self._opened

        async def opened() -> AnyClient:
            client = await self._opened()
            check_origins(origins, session)  # by now it knows of which cloud it is
            return client

        return opened


def _fields(fields: object) -> list[str] | None:
    """Read the `fields` argument of `info`; None for all."""
    if fields is None or fields == "all":
        return None
    names = [fields] if isinstance(fields, str) else fields
    if not isinstance(names, Iterable):
        raise TypeError(f"fields is a name or a list of names, not {fields!r:.80}")
    names = list(names)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name of a field is a text, not {name!r:.80}")
    return names


def _check_known(names: list[str] | None, infos: list[dict[str, Any]]) -> None:
    """Refuse a name that is neither a field nor a group of fields of any of these jobs."""
    if not names or not infos:
        return
    known: set[str] = set()
    for keys in {tuple(info) for info in infos}:  # nearly always the same ones
        for key in keys:
            parts = key.split(".")
            known.update(".".join(parts[:count]) for count in range(1, len(parts) + 1))
    for name in names:
        if name not in known:
            if name in ("parent", "children"):
                raise ValueError(f"a job is not told of families: info() has no {name!r} in it")
            import difflib  # only for what is misspelt

            nearest = difflib.get_close_matches(name, known, 3, 0.5)
            advice = (
                f"did you mean {' or '.join(nearest)}?"
                if nearest
                else f"there are {', '.join(sorted(known))}"
            )
            raise ValueError(f"info() has no field {name!r:.80}; {advice}")


def _chosen(info: dict[str, Any], names: list[str] | None) -> dict[str, Any]:
    """Keep the fields asked for, in words; the name of a group stands for its dotted fields."""
    groups = tuple(f"{name}." for name in names or ())
    chosen = {
        key: item
        for key, item in info.items()
        if names is None or key in names or key.startswith(groups)
    }
    if isinstance(arguments := chosen.get("arguments"), bytes):
        chosen["arguments"] = shown_plain(arguments)
    return chosen
