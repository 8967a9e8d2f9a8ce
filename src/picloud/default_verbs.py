"""The plain verbs, `cloud.call(...)` and so on: each is that of the process's session."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from picloud.bound_options import Options
from picloud.current import current_session
from picloud.environment_verbs import EnvironmentVerbs
from picloud.job import Job, JobMap
from picloud.job_options import NO_OPTIONS
from picloud.protocol.jobs import JobStatus

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from picloud.inspection import Inspection

finished_statuses = [
    status.value
    for status in (JobStatus.DONE, JobStatus.STALLED, JobStatus.ERROR, JobStatus.KILLED)
]
"""The statuses that never change, in PiCloud's order."""


def call(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
    """Run `func(*args, **kwargs)` as a job. Does not wait for the job.

    Args:
        func: any callable; it travels by value, with the globals that it names.
        args: copied now; changing them later changes nothing.
        kwargs: likewise. Names that begin with an underscore are PiCloud's options: `_type`,
            `_cores`, `_label`, `_priority`, `_restartable`, `_kill_process`, `_timeout` (seconds),
            `_max_runtime` (minutes), `_memory` (MB), `_os_env_vars`, `_retries`, `_retry_delay`,
            `_profile`, `_env`, `_depends_on`, `_depends_on_errors`, `_callback`,
            `_callback_on_error`; see `options`.

    Returns:
        The job: its number, and the handle for all else.

    Raises:
        TypeError: `func` is not callable or would refuse the arguments; or an unknown option.
        ValueError: an option makes no sense, or asks for what this cloud can never offer.
        AccessDenied: a job that it is to wait for does not exist, or not for this session.
        EnvironmentUnavailable: there is no such environment, or no worker with this Python.
        SerializationError: the function or an argument cannot travel.
        ConnectionLost: the master is out of reach.
        RuntimeError: an event loop is running here: use `acall`.
    """
    return current_session().call(func, *args, **kwargs)


def map(func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any) -> JobMap:
    """Run `func` on each item as a job, like the built-in: it stops at the shortest iterable.

    The input is read lazily and sent in pieces; jobs start meanwhile. There is no limit of items.

    Args:
        func: takes as many arguments as there are iterables. For constants, use
            `functools.partial` or a lambda.
        iterables: at least one.
        options: with an underscore, as for `call`.

    Returns:
        The jobs, in the order of the items; empty for empty input.

    Raises:
        TypeError: an argument is not iterable, or a keyword is no option.
        ValueError: there is no iterable.
        SerializationError: the function or an item cannot travel; the jobs before it run.
        RuntimeError: an event loop is running here: use `amap`.
    """
    return current_session().map(func, *iterables, **options)


def result(jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> Any:
    """Wait for jobs and return what they returned.

    Args:
        jobs: a job or its number, or an iterable that mixes jobs, numbers and maps.
        timeout: seconds to wait at most; None, the default, for as long as it takes.
        ignore_errors: put the exception in the place of a job that failed, instead of raising
            the first failure as soon as it is known.

    Returns:
        A value for a single job, else a list in the order of the jobs.

    Raises:
        JobError: a job failed; also an instance of what the job raised.
        CloudTimeoutError: it took longer than `timeout`; the text is `why()`.
        AccessDenied: a job does not exist, or not for this session.
        TypeError, ValueError: `jobs` or `timeout` makes no sense.
    """
    return current_session().result(jobs, timeout, ignore_errors)


def iresult(jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> Iterator[Any]:
    """Iterate over results in the order of the jobs, as they come.

    A failed job raises at its place, and iteration can go on after that, as in PiCloud.

    Args:
        jobs: as for `result`.
        timeout: seconds to wait at most at each step.
        ignore_errors: yield the exception of a failed job instead of raising it.
    """
    return current_session().iresult(jobs, timeout, ignore_errors)


def as_completed(jobs: Any, timeout: float | None = None) -> Iterator[Job]:
    """Iterate over jobs in the order in which they end, however they end; each job once.

    A job that does not exist, or not for this session, raises instead of being yielded, as soon as
    that is known, and iteration can go on after that, as with `iresult`.

    Args:
        jobs: as for `result`.
        timeout: seconds for all of them together, from now.

    Raises:
        AccessDenied: a job does not exist, or not for this session.
        CloudCycleError: a job waits for the job that runs here.
        CloudTimeoutError: it took longer than `timeout`; the text is `why()`.
    """
    return current_session().as_completed(jobs, timeout)


def join(jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> None:
    """Wait for jobs without fetching results; arguments and errors are those of `result`."""
    current_session().join(jobs, timeout, ignore_errors)


def status(jobs: Any) -> Any:
    """Ask for the status of jobs: one of waiting, queued, processing, done, error, killed, stalled.

    Returns:
        A text for a single job, else a list in the order of the jobs.

    Raises:
        AccessDenied: a job does not exist, or not for this session.
    """
    return current_session().status(jobs)


def info(jobs: Any, fields: str | Sequence[str] | None = None) -> dict[int, dict[str, Any]]:
    """Tell what is known of jobs.

    Times are UTC seconds, lengths are seconds, sizes are bytes. A limit of the run time is shown as
    `timeout` in seconds and as `max_runtime` in minutes, and `memory` is the limit in MB, each as
    the option of that name. What a job has used (`cputime.user`, `cputime.system`, and
    `memory.max_usage`, the most memory its process has had meanwhile) is known once it has returned
    or raised an exception; jobs that return within 5 ms are measured together with their
    neighbours, and each is told its share by its run time. Its `arguments` in words are known from
    the start if they are small and of Python's own types, else once it has ended, if it ran for
    more than 5 ms or raised; never if they name jobs, whose handles are secrets.

    Args:
        jobs: as for `result`.
        fields: a name or several; the name of a group, such as `memory`, stands for its dotted
            fields. None, the default, is everything.

    Returns:
        Number of each job, also of a single one, to its fields.

    Raises:
        TypeError: a name is no text.
        AccessDenied: a job does not exist, or not for this session.
    """
    return current_session().info(jobs, fields)


def kill(jobs: Any) -> None:
    """Kill jobs; finished ones stay as they are. When it returns, no result can appear any more.

    Args:
        jobs: as for `result`; an empty list kills nothing; `cloud.ALL` kills every unfinished job
            of the account. Unlike PiCloud's, it must be given.
    """
    current_session().kill(jobs)


def delete(jobs: Any) -> None:
    """Forget finished jobs, their results and their output.

    Raises:
        CloudException: a job is not finished; then nothing is deleted.
    """
    current_session().delete(jobs)


def why(job: Any) -> str:
    """Say why a job has not finished: the scheduler's own reason."""
    return current_session().why(job)


async def acall(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
    """Run a job; `call` for asyncio."""
    return await current_session().acall(func, *args, **kwargs)


async def amap(func: Callable[..., Any], /, *iterables: Iterable[Any], **options: Any) -> JobMap:
    """Run a job for each item; `map` for asyncio. The loop gets a turn between pieces."""
    return await current_session().amap(func, *iterables, **options)


async def aresult(jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> Any:
    """Wait for jobs and return what they returned; `result` for asyncio."""
    return await current_session().aresult(jobs, timeout, ignore_errors)


def airesult(
    jobs: Any, timeout: float | None = None, ignore_errors: bool = False
) -> AsyncIterator[Any]:
    """Iterate over results in the order of the jobs; `iresult` for `async for`."""
    return current_session().airesult(jobs, timeout, ignore_errors)


def aas_completed(jobs: Any, timeout: float | None = None) -> AsyncIterator[Job]:
    """Iterate over jobs in the order in which they end; `as_completed` for `async for`."""
    return current_session().aas_completed(jobs, timeout)


async def ajoin(jobs: Any, timeout: float | None = None, ignore_errors: bool = False) -> None:
    """Wait for jobs; `join` for asyncio."""
    await current_session().ajoin(jobs, timeout, ignore_errors)


async def astatus(jobs: Any) -> Any:
    """Ask for the status of jobs; `status` for asyncio."""
    return await current_session().astatus(jobs)


async def ainfo(jobs: Any, fields: str | Sequence[str] | None = None) -> dict[int, dict[str, Any]]:
    """Tell what is known of jobs; `info` for asyncio."""
    return await current_session().ainfo(jobs, fields)


async def akill(jobs: Any) -> None:
    """Kill jobs; `kill` for asyncio."""
    await current_session().akill(jobs)


async def adelete(jobs: Any) -> None:
    """Forget finished jobs; `delete` for asyncio."""
    await current_session().adelete(jobs)


async def awhy(job: Any) -> str:
    """Say why a job has not finished; `why` for asyncio."""
    return await current_session().awhy(job)


def options(**options: Any) -> Options:
    """Keep options to submit with: `cloud.options(type="c2", cores=2).call(func, x)`.

    Args:
        type: class of cores: c1 (default), c2, f2, m1 or s1.
        cores: how many of them one job occupies; default 1.
        label: a mark of your own.
        priority: lower runs earlier; default 5.
        restartable: may run again after its worker was lost; default True.
        kill_process: gets an interpreter of its own that ends with the job; default False.
        timeout: seconds of run time, after which the job is ended; default no limit.
        max_runtime: the same in minutes.
        memory: limit in MB; default none.
        os_env_vars: environment variables set while the job runs: names, which are read from
            here and now, or a dict of names and values.
        retries: how often the job runs again after it has failed by itself; default 0. A job whose
            result cannot be sent is not tried again: the next result would be like it.
        retry_delay: seconds of pause before it does; default 0.
        profile: have its run profiled, for `info`.
        env: name of an environment, whose packages it has instead of its worker's; see `env`.
        depends_on: jobs, read here and now, that have to finish first.
        depends_on_errors: "abort" (default): if one of these does not succeed, the job never runs
            and is `stalled`; "ignore": it runs all the same.
        callback: a function, or a list of them, to be called in this program with the job when it
            is done; one that takes no argument is called without.
        callback_on_error: the same for when it has ended otherwise.

    Returns:
        A value with `call`, `map`, `acall` and `amap`; it can be kept and used again.

    Raises:
        TypeError, ValueError: an option is unknown, or its value makes no sense.
    """
    return Options(current_session, NO_OPTIONS.changed(options))


def inspect(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Inspection":
    """Print what `call(func, *args, **kwargs)` would send, without making a job.

    Args:
        func: as for `call`.
        args: as for `call`.
        kwargs: as for `call`, with its options.

    Returns:
        What was printed: the function with all that it captures, the arguments, and the user's own
        modules, each with its size in bytes and why it goes along; then what cannot travel, with
        the way to it and what to do.

    Raises:
        TypeError: `func` is not callable, or would refuse the arguments.
    """
    return current_session().inspect(func, *args, **kwargs)


env = EnvironmentVerbs(current_session)
"""Environments: packages, and a Python, that jobs ask for by name with `_env`.

    cloud.env.create("science", requirements=["numpy>=2"])
    cloud.call(f, x, _env="science")
"""


def executor(**options: Any) -> "Executor":
    """Make a `concurrent.futures.Executor` whose calls are jobs, with these options.

    Unlike a pool's, its futures do not track `running()`, cancelling one kills its job even while
    it runs, and jobs that nobody waits for end with the program.
    """
    return current_session().executor(**options)
