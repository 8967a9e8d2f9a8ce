"""Which jobs a job may ask about: those it made, was given, or read of, and no others."""

import contextlib
import os
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud.job import Job
from picloud.session import Session
from tests.support.processes import open_gate, pass_on

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(x: int) -> int:
    return x * x


def wait_at(gate: str, answer: Any = None) -> Any:
    with open(gate) as reader:
        reader.read()
    return answer


def receive(path: str) -> Any:
    with open(path, "rb") as reader:
        return pickle.loads(reader.read())


def refusals(numbers: list[Any]) -> list[tuple[str, str]]:
    """What each verb of a job says to these numbers: the error's type and its text."""
    verbs: list[Callable[[Any], Any]] = [
        lambda job: picloud.result(job, 5),
        lambda job: picloud.join([job], 5),
        lambda job: list(picloud.iresult([job], 5)),
        picloud.status,
        picloud.info,
        picloud.why,
        picloud.kill,
        picloud.delete,
        lambda job: picloud.call(abs, 1, _depends_on=job),
        lambda job: picloud.map(abs, [1], _depends_on=[job]),
    ]
    said = []
    for number in numbers:
        for verb in verbs:
            try:
                verb(number)
            except Exception as error:  # noqa: BLE001 - it is what this looks at
                text = str(error).replace(str(int(number)), "N")
                said.append((type(error).__name__, text))
            else:
                said.append(("nothing", "was refused"))
    return said


# ---------------------------------------------------------------------- numbers


def test_guessed_numbers_yield_what_numbers_of_no_job_do(cloud: Session) -> None:
    secrets = cloud.map(square, range(5))
    cloud.join(secrets)
    absent = cloud.result(cloud.call(refusals, [10**12]), 30)
    guessed = cloud.result(cloud.call(refusals, [int(job) for job in secrets[:2]]), 30)
    assert {kind for kind, _ in absent} == {"AccessDenied"}
    assert guessed == absent * 2
    assert cloud.result(secrets) == [0, 1, 4, 9, 16]


def test_numbers_around_a_known_job_yield_nothing(cloud: Session) -> None:
    def look_around(given: Job) -> tuple[int, set[str]]:
        near = [n for n in range(int(given) - 20, int(given) + 20) if n > 0 and n != given]
        kinds = set()
        for number in near:
            try:
                picloud.status(number)
            except picloud.CloudException as error:
                kinds.add(type(error).__name__)
            else:
                kinds.add(f"{number} was told")
        return picloud.result(given), kinds

    jobs = cloud.map(square, range(40))
    assert cloud.result(cloud.call(look_around, jobs[20]), 30) == (400, {"AccessDenied"})


def test_a_plain_number_of_a_given_job_will_do(cloud: Session) -> None:
    job = cloud.call(square, 9)
    assert cloud.result(cloud.call(lambda each: picloud.result(int(each)), job), 20) == 81


def test_forged_handles_yield_nothing(cloud: Session) -> None:
    def forge(given: Job, wanted: int) -> list[tuple[str, str]]:
        copied = Job(wanted)
        copied.__dict__.update(given.__dict__)
        widened, derived = Job(wanted), Job(wanted)
        if given._grant is not None:
            first, stop, capability, _ = given._grant
            widened._grant = (min(first, wanted), wanted + 1, capability, ())
            derived._grant = (wanted, wanted + 1, capability, (first, stop))
        invented = Job(wanted)
        invented._grant = (wanted, wanted + 1, bytes(16), ())
        edited = pickle.dumps(given, 0).replace(f"{int(given)}".encode(), f"{wanted}".encode())
        return refusals([Job(wanted), copied, widened, derived, invented, pickle.loads(edited)])

    jobs = cloud.map(square, range(100, 102))
    other = cloud.call(square, 7)
    said = cloud.result(cloud.call(forge, jobs[0], int(other)), 60)
    assert said == cloud.result(cloud.call(refusals, [10**12]), 30) * 6


def test_a_job_that_was_given_one_item_of_a_map_has_no_others(cloud: Session) -> None:
    jobs = cloud.map(square, range(10))
    assert cloud.result(cloud.call(lambda job: picloud.result(job), jobs[3]), 20) == 9
    said = cloud.result(cloud.call(lambda job, n: refusals([n]), jobs[3], int(jobs[4])), 20)
    assert {kind for kind, _ in said} == {"AccessDenied"}


def test_killing_everything_in_a_job_kills_only_what_it_may_reach(
    cloud: Session, gate: str
) -> None:
    foreign = cloud.call(wait_at, gate, "alive")

    def kill_all() -> str:
        own = picloud.call(square, 2, _depends_on=picloud.call(wait_at, "/dev/zero"))
        picloud.kill(picloud.ALL)
        picloud.join(own, 10, ignore_errors=True)
        return picloud.status(own)

    assert cloud.result(cloud.call(kill_all), 30) == "killed"
    open_gate(gate)
    assert cloud.result(foreign, 20) == "alive"


# ---------------------------------------------------------------------- a job's own number


def hunt(number: int) -> list[str]:
    """Search this process for a number; tell the places where it is."""
    import gc

    text, bare = str(number), number.to_bytes(8, "little")
    found = []

    def look(where: object, item: object) -> None:
        if (
            (isinstance(item, int) and item is not number and item == number)
            or (isinstance(item, bytes | bytearray) and (text.encode() in item or bare in item))
            or (isinstance(item, str) and text in item)
        ):
            found.append(f"{where!r:.100}")

    for key, value in os.environ.items():
        look(f"variable {key}", value)
    for name in ("cmdline", "environ", "comm", "status", "cgroup", "mountinfo"):
        look(f"/proc/self/{name}", Path("/proc/self", name).read_bytes())
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            look(f"descriptor {entry}", os.readlink(f"/proc/self/fd/{entry}"))
    look("the directory", os.getcwd() + repr(os.listdir(".")))
    for thread in threading.enumerate():
        look("a thread", thread.name)
    frame = sys._getframe().f_back
    own = {id(sys._getframe().f_locals), id(found)}
    while frame is not None:
        for key, value in list(frame.f_locals.items()):
            look(f"{frame.f_code.co_qualname}: {key}", value)
        frame = frame.f_back
    for item in gc.get_objects():
        held: list[object] = []
        if id(item) in own:
            continue
        if isinstance(item, dict):
            held = [*item, *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            held = list(item)
        else:
            for cls in type(item).__mro__:
                slots = vars(cls).get("__slots__", ())
                for slot in (slots,) if isinstance(slots, str) else slots:
                    with contextlib.suppress(Exception):
                        held.append(object.__getattribute__(item, slot))
        for each in held:
            look(item, each)
    return found


def search(fifo: str) -> tuple[list[str], list[str]]:
    """Look for a number in this process, and for another that it surely has."""
    child = picloud.call(square, 3)
    assert picloud.result(child) == 9
    assert picloud.info(child)[child]["status"] == "done"
    number = receive(fifo)
    return hunt(number), hunt(int(child))


def test_a_job_cannot_find_its_own_number(cloud: Session, gate: str) -> None:
    def parent(fifo: str) -> Job:
        picloud.map(square, range(1234))  # a number that no size or count happens to equal
        return picloud.call(search, fifo)

    job = cloud.result(cloud.call(parent, gate), 20)
    pass_on(Path(gate), int(job))
    found, known = cloud.result(job, 60)
    assert found == []
    assert known != []


def test_a_handle_of_itself_is_refused_to_a_job(cloud: Session, gate: str) -> None:
    def ask(fifo: str) -> list[str]:
        me, kinds = receive(fifo), []
        verbs = [picloud.result, picloud.status, picloud.info, picloud.why, picloud.kill]
        for verb in [*verbs, lambda job: list(picloud.as_completed(job))]:
            try:
                verb(me)
            except picloud.CloudException as error:
                kinds.append(type(error).__name__)
        return kinds

    job = cloud.call(ask, gate)
    pass_on(Path(gate), job)
    assert cloud.result(job, 20) == ["CloudCycleError"] * 6


# ---------------------------------------------------------------------- leaked handles


def wait_for(fifo: str) -> str:
    try:
        picloud.result(receive(fifo))
    except picloud.CloudCycleError as error:
        return str(error)
    return "finished"


def iterate_for(fifo: str) -> str:
    try:
        list(picloud.as_completed(receive(fifo)))
    except picloud.CloudCycleError as error:
        return str(error)
    return "finished"


async def await_for(fifo: str) -> str:
    try:
        await receive(fifo)
    except picloud.CloudCycleError as error:
        return str(error)
    return "finished"


@pytest.mark.parametrize(
    "function", [wait_for, iterate_for, await_for], ids=lambda each: each.__name__
)
def test_of_two_jobs_that_wait_for_each_other_one_is_refused(
    cloud: Session, tmp_path: Path, function: Callable[[str], str]
) -> None:
    fifos = [tmp_path / "one", tmp_path / "two"]
    for fifo in fifos:
        os.mkfifo(fifo)
    jobs = [cloud.call(function, str(fifo)) for fifo in fifos]
    pass_on(fifos[0], jobs[1])
    pass_on(fifos[1], jobs[0])
    refusal, finished = sorted(cloud.result(jobs, 30), key=lambda text: text == "finished")
    assert finished == "finished"
    assert "could never end" in refusal


def test_of_a_ring_of_jobs_that_wait_for_each_other_one_is_refused(
    cloud: Session, tmp_path: Path
) -> None:
    fifos = [tmp_path / f"{n}" for n in range(4)]
    for fifo in fifos:
        os.mkfifo(fifo)
    jobs = [cloud.call(wait_for, str(fifo)) for fifo in fifos]
    for n, fifo in enumerate(fifos):  # each lends its core to the next
        pass_on(fifo, jobs[n - 1])
    answers = cloud.result(jobs, 30)
    assert answers.count("finished") == 3


def test_a_leaked_handle_that_closes_no_circle_is_good(cloud: Session, gate: str) -> None:
    job = cloud.call(lambda fifo: picloud.result(receive(fifo)[1:]), gate)
    pass_on(Path(gate), cloud.map(square, range(4)))
    assert cloud.result(job, 20) == [1, 4, 9]


# ---------------------------------------------------------------------- how handles travel


def test_handles_are_found_wherever_they_lie(cloud: Session) -> None:
    jobs = cloud.map(square, range(8))

    class Box:
        def __init__(self, content: Any) -> None:
            self.content = content

    class Slots:
        __slots__ = ("content",)

    slots = Slots()
    slots.content = jobs[1]

    def default(job: Any = jobs[2]) -> Any:
        return picloud.result(job)

    def use(box: Any, mapping: Any, inner: Any, slots: Any) -> list[int]:
        (key,) = mapping
        return [
            picloud.result(box.content[0]["deep"]),
            picloud.result(slots.content),
            default(),
            inner(),
            picloud.result(key),
            picloud.result(LEFT_IN_A_GLOBAL[0]),
        ]

    box = Box([{"deep": jobs[0]}])
    LEFT_IN_A_GLOBAL[:] = [jobs[5]]
    job = cloud.call(use, box, {jobs[4]: None}, lambda: picloud.result(jobs[3]), slots)
    assert cloud.result(job, 20) == [0, 1, 4, 9, 16, 25]


LEFT_IN_A_GLOBAL: list[Any] = []


def test_a_handle_in_a_result_may_be_read_by_whoever_reads_the_result(cloud: Session) -> None:
    def make() -> dict[str, Any]:
        return {"one": picloud.call(square, 5), "many": picloud.map(square, range(300))}

    def read(made: Job) -> tuple[int, int]:
        handles = picloud.result(made)
        return picloud.result(handles["one"]), sum(picloud.result(handles["many"]))

    made = cloud.call(make)
    total = sum(x * x for x in range(300))
    assert cloud.result(cloud.call(read, made), 30) == (25, total)
    handles = cloud.result(made)
    assert (cloud.result(handles["one"]), sum(cloud.result(handles["many"]))) == (25, total)
    assert cloud.status(handles["many"]) == ["done"] * 300


def test_a_handle_in_an_exception_may_be_read_by_whoever_catches_it(cloud: Session) -> None:
    def fail() -> None:
        raise LookupError("see", picloud.call(square, 6))

    def catch(failing: Job) -> int:
        try:
            picloud.result(failing)
        except LookupError as error:
            value: int = picloud.result(error.args[1])
            return value
        raise AssertionError("it did not fail")

    failing = cloud.call(fail)
    assert cloud.result(cloud.call(catch, failing), 20) == 36
    with pytest.raises(LookupError) as caught:
        cloud.result(failing)
    assert cloud.result(caught.value.args[1]) == 36


def test_a_number_in_a_result_gives_no_right(cloud: Session) -> None:
    def make() -> int:
        return int(picloud.call(square, 5))

    def read(made: Job) -> str:
        try:
            picloud.result(picloud.result(made))
        except picloud.AccessDenied as error:
            return type(error).__name__
        return "it was told"

    assert cloud.result(cloud.call(read, cloud.call(make)), 20) == "AccessDenied"
