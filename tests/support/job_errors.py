"""What a client sees of a job that raised something."""

from typing import Any

from picloud.code.exceptions.describing import describe
from picloud.mixed_errors import from_failure
from picloud.protocol.jobs import JobStatus


def raised(error: BaseException) -> Any:  # Any: both a `JobError` and what was raised
    """Raise it as a job does, number 7, and make of it what its client raises."""
    try:
        raise error  # noqa: TRY301 - for its traceback
    except BaseException as caught:  # noqa: BLE001 - any exception is tried here
        return from_failure(7, JobStatus.ERROR, describe(caught))
