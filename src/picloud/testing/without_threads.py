"""What a virtual cloud does not offer: it would take real threads, and these take real time."""

from typing import TYPE_CHECKING, Any, NoReturn

from picloud import errors
from picloud.nested import NestedSession

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from picloud.job_futures import JobFuture
    from picloud.submit_options import SubmitOptions


class WithoutThreads(NestedSession):
    """A session without executors, futures and callbacks."""

    def executor(self, **options: Any) -> "Executor":
        """There is none."""
        _refuse("executor()")

    def future_of(self, job: Any) -> "JobFuture":
        """There is none."""
        _refuse("future()")

    def _check_submit(self, options: "SubmitOptions") -> None:
        if options.has_callbacks:
            _refuse("callback")


def _refuse(what: str) -> NoReturn:
    raise errors.CloudException(f"there is no {what} in a virtual cloud", hint="wait for the job")
