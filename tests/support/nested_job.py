"""A job that runs a program in a simulated interpreter and uses the cloud over its line.

It is true to `picloud_worker.interpreter.line` and `picloud.nested`: it hears only while it waits,
says `Asleep` with the number of frames that it has heard, goes on when a frame, `GoOn` or `TooDeep`
comes, and asks for its cores with `WokeUp` when something else has woken it.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from picloud.protocol.capabilities import capability_of
from picloud.protocol.client_messages import (
    Accepted,
    JidsReserved,
    JobFailed,
    JobsDone,
    JobsInCycle,
    JobsUnknown,
    KillJobs,
    PresentHandles,
    Refused,
    ReserveJids,
    SubmitJobs,
    WatchJobs,
)
from picloud.protocol.definitions import DefineSpec
from picloud.protocol.failures import Failure, FailureKind
from picloud.protocol.ids import Handles, JobId, RequestId, SpecNumber
from picloud.protocol.jobs import JobSpec
from picloud.protocol.wire import WIRE
from picloud.testing.timeline import Timeline
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.pipe.line import Asleep, GoOn, Heard, Said, TooDeep, WokeUp
from tests.support.programs import (
    Call,
    Find,
    Handle,
    Kill,
    Leak,
    Run,
    Step,
    Wait,
    World,
    loaded,
    named_in,
    ranges_of,
    result_of,
)

STARTUP = 0.000_1
"""What even the shortest program takes."""


class RefusedSleep(Exception):  # noqa: N818 - what NestingTooDeep is here
    """There is no room for another sleeper."""


@dataclass
class Awaited:
    """What a job waits for."""

    is_set: Callable[[], bool]
    lends: bool = True
    deadline: float | None = None

    def is_late(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline


@dataclass
class Ended:
    """How a program ended: a result, a failure or, with neither, the end of its process."""

    result: bytes | None = None
    failure: Failure | None = None
    handles: Handles | None = None


Life = Generator[float | Awaited, None, None]
"""A program as it goes on: it computes for so many seconds, or waits."""


class NestedJob:
    """One attempt's run of a program.

    Args:
        say: sends a message of the line to the agent.
        give_way: reports what has finished and gives back what has not started.
        on_cores: told when it has its cores again.
        on_end: told how it ended.
    """

    def __init__(
        self,
        timeline: Timeline,
        world: World,
        attempt: Attempt,
        say: Callable[[object], None],
        give_way: Callable[[], None],
        on_cores: Callable[[], None],
        on_end: Callable[[Ended], None],
    ) -> None:
        self._timeline = timeline
        self._world = world
        self._jid = attempt.jid
        self._sequence = attempt.sequence
        self._send = say
        self._give_way = give_way
        self._on_cores = on_cores
        self._on_end = on_end
        self._program, self._known = loaded(attempt.payload)
        self._arrived: deque[Any] = deque()
        self._heard = 0
        self.is_asleep = self._is_waking = False
        self._refusal = False
        self.is_over = False
        self._secret = b""
        self._next_jid = 0
        self._made: set[JobId] = set()
        self._specs: list[JobSpec | None] = []
        self._shown: set[Handle] = set()
        self._watched: set[JobId] = set()
        self._outcomes: dict[JobId, str] = {}
        self._answers: set[int] = set()
        self._questions = 0
        self._awaited: Awaited | None = None
        if attempt.inputs:
            self._hear_frame(attempt.inputs)
        self._life = self._live()
        timeline.after(STARTUP, self._go_on)

    def abandon(self) -> None:
        """Its process is gone."""
        self.is_over = True

    # ------------------------------------------------------------------ its program

    def _live(self) -> Life:
        for step in self._program.steps:
            yield from self._take_step(step)

    def _take_step(self, step: Step) -> Life:
        match step:
            case Run(seconds):
                yield seconds
            case Call():
                yield from self._call(step)
            case Wait():
                yield from self._wait(step)
            case Leak(which):
                self._world.leaked += self._some([which])
            case Find(which) if self._world.leaked:
                found = self._world.leaked[which % len(self._world.leaked)]
                self._note(f"finds job {found.jid}")
                self._known.append(found)
            case Kill(which) if self._known:
                (handle,) = self._some([which])
                self._show([handle])
                self._questions += 1
                number = self._questions
                self._note(f"kills job {handle.jid}")
                self._say(KillJobs(RequestId(number), [handle.jid]))
                yield Awaited(lambda: number in self._answers, lends=False)

    def _call(self, step: Call) -> Life:
        if not self._secret:
            self._say(ReserveJids())
            yield Awaited(lambda: bool(self._secret), lends=False)
        after, passes = self._some(step.after), self._some(step.passes)
        self._show(after)
        declared = ranges_of(passes) if step.declares and passes else None
        number = self._spec(step.spec, declared if step.in_code else None)
        payloads = [program.payload([*passes, *after]) for program in step.programs]
        first = JobId(self._next_jid)
        self._next_jid += len(payloads)
        self._say(
            SubmitJobs(
                number,
                first,
                payloads,
                False,
                ranges_of(after) or None,
                step.ignore_errors,
                [declared] * len(payloads) if declared and not step.in_code else None,
            )
        )
        made = [JobId(first + place) for place in range(len(payloads))]
        self._made.update(made)
        self._known += [Handle(jid, capability_of(self._secret, jid, jid + 1)) for jid in made]
        self._note(f"calls jobs {made} after {[one.jid for one in after]}")

    def _spec(self, spec: JobSpec, handles: Handles | None) -> SpecNumber:
        if handles is None and spec in self._specs:
            return SpecNumber(self._specs.index(spec) + 1)
        self._specs.append(spec if handles is None else None)  # a function of its own
        number = SpecNumber(len(self._specs))
        self._say(DefineSpec(number, spec, b"code", handles=handles))
        return number

    def _wait(self, step: Wait) -> Life:
        handles = self._some(step.which)
        jids = list(dict.fromkeys(one.jid for one in handles))
        open_ = [jid for jid in jids if jid not in self._outcomes]
        if not open_:
            return
        new = [jid for jid in open_ if jid not in self._watched]
        if new:
            self._show(handles)
            self._watched.update(new)
            self._say(WatchJobs(new, True))
        deadline = None if step.patience is None else self._timeline.now + step.patience
        enough = all if step.all else any
        self._note(f"waits for {'all' if step.all else 'one'} of {jids}")
        yield Awaited(lambda: enough(jid in self._outcomes for jid in jids), deadline=deadline)
        self._note(f"knows of {[(jid, self._outcomes.get(jid)) for jid in jids]}")

    def _some(self, numbers: Sequence[int]) -> list[Handle]:
        return [self._known[each % len(self._known)] for each in numbers] if self._known else []

    def _show(self, handles: Sequence[Handle]) -> None:
        """Present what was loaded, each once."""
        new = {one for one in handles if one.jid not in self._made} - self._shown
        if new:
            self._shown |= new
            shown = sorted(new)
            self._say(PresentHandles(ranges_of(shown), [one.capability for one in shown]))

    def _note(self, text: str) -> None:
        self._world.diary.append(f"at {self._timeline.now:.6f}: job {self._jid} {text}")

    # ------------------------------------------------------------------ how it goes on

    def _go_on(self) -> None:
        """Run until it computes for a while, waits for something or ends."""
        while not self.is_over:
            try:
                if self._refusal:
                    self._refusal = False
                    want = self._life.throw(RefusedSleep())
                else:
                    want = next(self._life)
            except StopIteration:
                self._end()
                return
            except RefusedSleep:
                self._note("may not sleep")
                failure = Failure(FailureKind.EXCEPTION, "nested too deeply")
                self._over(Ended(failure=failure))
                return
            if isinstance(want, float):
                self._timeline.after(want, self._go_on)
                return
            self._awaited = want
            if want.deadline is not None:
                self._timeline.at(want.deadline, self._look)
            if not self._has_waited():
                return

    def _look(self) -> None:
        if self._awaited is not None and not self.is_over and self._has_waited():
            self._go_on()

    def _has_waited(self) -> bool:
        """True if the wait is over; else it sleeps until something comes."""
        awaited = self._awaited
        assert awaited is not None
        while not awaited.is_set():
            if self._arrived:
                while self._arrived:
                    self._take(self._arrived.popleft())
            elif (self._refusal and awaited.lends) or awaited.is_late(self._timeline.now):
                break
            else:
                if awaited.lends and not self.is_asleep and not self._is_waking:
                    self._give_way()
                    self._refusal = False
                    self.is_asleep = True
                    self._send(Asleep(self._sequence, self._heard))
                return False
        if self.is_asleep and not self._is_waking:
            self._is_waking = True
            self._send(WokeUp(self._sequence))
            self._awaited = Awaited(lambda: not self._is_waking, lends=False)
            return self._has_waited()
        self._awaited = None
        return True

    def _end(self) -> None:
        program = self._program
        named = self._some(program.names)
        handles = ranges_of(named) or None
        self._note(f"{program.ending}, naming {[one.jid for one in named]}")
        match program.ending:
            case "returns":
                self._over(Ended(result=result_of(named), handles=handles))
            case "raises":
                content = result_of(named)
                failure = Failure(
                    FailureKind.EXCEPTION, "the job raised", exception=content, handles=handles
                )
                self._over(Ended(failure=failure))
            case "exits":
                self._over(Ended())

    def _over(self, ended: Ended) -> None:
        self.is_over = True
        self._on_end(ended)

    # ------------------------------------------------------------------ the line

    def _say(self, message: object) -> None:
        self._send(Said(self._sequence, WIRE.encode([message])))

    def hear(self, message: Any) -> None:
        """Something has come; it is heard if the job waits."""
        if message.sequence == self._sequence:
            self._arrived.append(message)
            self._look()

    def _take(self, message: Any) -> None:
        lent = self.is_asleep
        match message:
            case Heard(_, frame):
                self._heard += 1
                self.is_asleep = False
                self._hear_frame(frame)
            case GoOn():
                self.is_asleep = self._is_waking = False
            case TooDeep():
                self.is_asleep = False
                self._refusal = True
        if lent and not self.is_asleep:
            self._on_cores()

    def _hear_frame(self, frame: bytes) -> None:
        for message in WIRE.decode(frame):
            match message:
                case JidsReserved(first, _, secret):
                    self._next_jid, self._secret = first, secret
                case JobsDone(jids, results):
                    for jid, result in zip(jids, results, strict=True):
                        self._learn(jid, "done", named_in(result or b""))
                case JobFailed(jid, status, failure):
                    self._learn(jid, status.value, named_in(failure.exception))
                case JobsUnknown(jids):
                    self._outcomes.update(dict.fromkeys(jids, "unknown"))
                case JobsInCycle(jids):
                    self._outcomes.update(dict.fromkeys(jids, "in a cycle"))
                case Accepted(request) | Refused(request):
                    self._answers.add(request)

    def _learn(self, jid: JobId, outcome: str, named: list[Handle]) -> None:
        self._outcomes[jid] = outcome
        self._known += named
