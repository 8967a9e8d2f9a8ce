"""Functions of the user that hear of the end of jobs, in a thread of their own."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from picloud.job import HandleSession, Job, job_of
from picloud.job_futures import ServingThread
from picloud.outcomes import Outcome
from picloud.protocol.client_messages import JobFailed
from picloud.submit_options import SubmitOptions, wants_job
from picloud.waiters import Way

_logger = logging.getLogger("picloud")


class CallbackCollector:
    """Has functions called with each job that ends; nobody polls for that."""

    wants_results = False

    def __init__(
        self,
        jids: Sequence[int],
        options: SubmitOptions,
        session: HandleSession,
        thread: ServingThread,
    ) -> None:
        self.way: Way | None = None
        self.jids = jids
        self._options = options
        self._session = session
        self._thread = thread

    def put(self, position: int, outcome: Outcome) -> None:
        """See `Collector`."""
        if outcome is None or type(outcome) is bytes:
            functions = self._options.callback
        elif isinstance(outcome, JobFailed):
            functions = self._options.callback_on_error
        else:
            return  # deleted by now
        if functions:
            job = job_of(self.jids[position], self._session)
            self._thread.put(lambda: _call(functions, job))

    def lose(self) -> None:
        """See `Collector`. How the jobs will end is not known."""

    def fail(self, error: BaseException) -> None:
        """See `Served`."""
        _logger.error("there will be no callbacks for %d jobs: %s", len(self.jids), error)


def _call(functions: tuple[Callable[..., Any], ...], job: Job) -> None:
    for function in functions:
        try:
            if wants_job(function):
                function(job)
            else:
                function()
        except BaseException:  # code of the user; the others are called all the same
            name = getattr(function, "__qualname__", repr(function))
            _logger.exception("the callback %s has failed for job %d", name, job)
