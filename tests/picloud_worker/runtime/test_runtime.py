"""The agent's shell around a real agent, with interpreters that only note what is asked of them."""

import asyncio
import errno
import itertools
from collections.abc import Sequence
from typing import Any

from picloud.blobs.store import BlobStore
from picloud.protocol import worker_messages as worker
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.environments import Environment
from picloud.protocol.jobs import CORE_TYPES, JobSpec, SlotPool
from picloud_worker.core import settings
from picloud_worker.core.agent import Agent
from picloud_worker.core.events import AttemptSpoke, InterpreterSaid, MasterSaid, Output
from picloud_worker.pipe.line import Asleep, Heard, Said
from picloud_worker.pipe.messages import Prepare, Returned, RunAttempts
from picloud_worker.runtime.runtime import Runtime
from tests.support.clock import on_virtual_time
from tests.support.matching import like


class Noted:
    """`InterpreterProcesses` and `Uplink` that keep everything in the order in which it came."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.environments = self
        self.runs: dict[int, int] = {}
        self.outputs: dict[int, Output] = {}
        self.to_master: list[list[Any]] = []
        self._frame: list[Any] = []
        self.trims = 0
        self.asked = 0

    # InterpreterProcesses

    def start_interpreter(
        self, interpreter: int, tree: bytes, store: BlobStore | None, environment: str
    ) -> None:
        self.calls.append(("start", interpreter))

    def release_environment(self, digest: str) -> None:
        self.calls.append(("release", digest))

    def build(self, environment: Environment) -> None:
        self.calls.append(("build", environment.digest))

    def send(self, interpreter: int, messages: Sequence[object]) -> None:
        self.calls.append(("send", interpreter, list(messages)))

    def tell(self, interpreter: int, messages: Sequence[object]) -> None:
        self.calls.append(("tell", interpreter, list(messages)))

    def recall(self, interpreter: int) -> None:
        self.calls.append(("recall", interpreter))

    def kill(self, interpreter: int) -> None:
        self.calls.append(("kill", interpreter))

    def running(self, interpreter: int) -> int:
        self.asked += 1
        return self.runs.get(interpreter, 0)

    def output(self, interpreter: int) -> Output:
        return self.outputs[interpreter]

    def trim_outputs(self) -> None:
        self.trims += 1

    # Uplink

    def enqueue(self, message: Any) -> None:
        self._frame.append(message)

    def flush(self) -> None:
        if self._frame:
            self.to_master.append(self._frame)
            self._frame = []

    def said(self, kind: type) -> list[Any]:
        return [each for frame in self.to_master for each in frame if isinstance(each, kind)]


def no_store(owner: str) -> BlobStore:
    raise OSError(errno.ENOSPC, f"no room for {owner}")


class Bench:
    """A runtime with one core."""

    def __init__(self) -> None:
        self.noted = Noted()
        self.failures: list[BaseException] = []
        self.kept_awake = 0
        agent = Agent([SlotPool(list(CORE_TYPES), 1)])
        self.runtime = Runtime(
            agent, self.noted, self.noted, no_store, self.failures.append, self._keep_awake
        )
        self._jids = itertools.count(1)

    def _keep_awake(self) -> None:
        self.kept_awake += 1

    def order(self, *messages: Any) -> None:
        """The master says something."""
        self.runtime.post(MasterSaid(list(messages)))

    async def run_job(self, **spec: Any) -> int:
        """Have a job started; return its interpreter."""
        jid = next(self._jids)
        self.order(
            DefineSpec(jid, JobSpec("f", "3.11", **spec), b"code"),
            worker.RunJobs(jid, 1, [jid], [b"in"]),
        )
        await settle()
        interpreter: int = self.noted.calls[-1][1]
        return interpreter


async def settle() -> None:
    """Let everything happen that is due at once."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@on_virtual_time
async def test_a_job_is_prepared_and_run_in_one_frame_after_its_interpreter_is_started() -> None:
    bench = Bench()
    await bench.run_job()
    assert bench.noted.calls == [
        ("start", 1),
        ("send", 1, [like(Prepare, code=b"code"), like(RunAttempts, payloads=[b"in"])]),
    ]


@on_virtual_time
async def test_events_of_one_loop_turn_are_one_turn_of_the_agent() -> None:
    bench = Bench()
    bench.order(DefineSpec(1, JobSpec("f", "3.11"), b"code"))
    bench.order(worker.RunJobs(1, 1, [1], [b"in"]))
    assert bench.noted.calls == []
    await settle()
    assert [call[0] for call in bench.noted.calls] == ["start", "send"]


@on_virtual_time
async def test_a_result_reaches_the_master_in_the_same_turn() -> None:
    bench = Bench()
    await bench.run_job()
    bench.runtime.post(InterpreterSaid(1, [Returned([1], [b"out"], [0.001])]))
    await settle()
    (done,) = bench.noted.said(worker.AttemptsDone)
    assert done == worker.AttemptsDone([1], [1], [b"out"], [0.001])


@on_virtual_time
async def test_time_ticks_while_a_job_runs_and_not_when_none_does() -> None:
    bench = Bench()
    await asyncio.sleep(10)
    assert bench.noted.asked == 0
    await bench.run_job()
    bench.noted.runs[1] = 1
    await asyncio.sleep(10 * settings.TICK + settings.TICK / 2)
    assert 9 <= bench.noted.asked <= 10
    bench.runtime.post(InterpreterSaid(1, [Returned([1], [b"out"], [0.2])]))
    await asyncio.sleep(3 * settings.TICK)
    asked = bench.noted.asked
    await asyncio.sleep(10)
    assert bench.noted.asked == asked


@on_virtual_time
async def test_a_job_that_runs_for_a_while_is_reported_as_started() -> None:
    bench = Bench()
    await bench.run_job()
    bench.noted.runs[1] = 1
    await asyncio.sleep(10 * settings.TICK)
    assert bench.noted.said(worker.AttemptsStarted) == [worker.AttemptsStarted([1], [1])]


@on_virtual_time
async def test_outputs_are_trimmed_about_twice_a_second_while_a_job_runs() -> None:
    bench = Bench()
    await bench.run_job()
    bench.noted.runs[1] = 1
    await asyncio.sleep(10)
    assert 10 <= bench.noted.trims <= 25


@on_virtual_time
async def test_the_output_of_the_running_job_is_read_when_the_master_asks() -> None:
    bench = Bench()
    await bench.run_job()
    bench.noted.runs[1] = 1
    bench.noted.outputs[1] = Output("out", "err", "log")
    bench.order(worker.ReadOutput(1, 1))
    await asyncio.sleep(settings.TICK)
    assert worker.OutputRead(1, 1, "out", "err", "log") in bench.noted.said(worker.OutputRead)


@on_virtual_time
async def test_the_output_of_another_job_is_not_passed_off_as_its_own() -> None:
    bench = Bench()
    await bench.run_job()
    bench.noted.runs[1] = 99  # it has gone on meanwhile
    bench.noted.outputs[1] = Output("of another")
    bench.order(worker.ReadOutput(1, 1))
    await asyncio.sleep(settings.TICK)
    assert all(read.stdout == "" for read in bench.noted.said(worker.OutputRead))


@on_virtual_time
async def test_a_stopped_attempt_has_its_interpreter_killed() -> None:
    bench = Bench()
    interpreter = await bench.run_job()
    bench.noted.runs[1] = 1
    bench.order(worker.StopAttempts([1], [1]))
    await asyncio.sleep(2 * settings.TICK)
    assert ("kill", interpreter) in bench.noted.calls


@on_virtual_time
async def test_a_failing_agent_is_reported_once_and_ticks_no_more() -> None:
    bench = Bench()
    await bench.run_job()
    bench.noted.runs[1] = 1
    bench.runtime.post("no event")  # type: ignore[arg-type]  # a bug somewhere
    await asyncio.sleep(5)
    asked = bench.noted.asked
    await asyncio.sleep(5)
    assert [type(error) for error in bench.failures] == [KeyError]
    assert bench.noted.asked == asked


@on_virtual_time
async def test_a_stopped_runtime_ticks_no_more() -> None:
    bench = Bench()
    await bench.run_job()
    bench.noted.runs[1] = 1
    bench.runtime.stop()
    await asyncio.sleep(5)
    assert bench.noted.asked == 0


@on_virtual_time
async def test_what_an_attempt_says_goes_up_and_what_it_is_told_comes_down() -> None:
    bench = Bench()
    await bench.run_job()
    bench.runtime.post(AttemptSpoke(1, [Said(1, b"up"), Asleep(1, 0)]))
    await settle()
    assert bench.noted.to_master[-1][-2:] == [
        worker.JobSaid(1, 1, b"up"),
        worker.AttemptsWaiting([1], [1]),
    ]
    bench.order(worker.TellJob(1, 1, b"down"))
    await settle()
    assert bench.noted.calls[-1] == ("tell", 1, [Heard(1, b"down")])


@on_virtual_time
async def test_processors_are_kept_awake_by_what_happens_to_jobs_not_by_ticks() -> None:
    bench = Bench()
    bench.noted.runs[await bench.run_job()] = 1
    kept_awake = bench.kept_awake
    assert kept_awake > 0
    await asyncio.sleep(5 * settings.TICK)
    assert bench.noted.asked > 2
    assert bench.kept_awake <= kept_awake + 1  # a tick reports once that the job runs
