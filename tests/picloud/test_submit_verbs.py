"""`call` and `map`, blocking and not, against a real link."""

import asyncio
import functools
import sys
import threading
from typing import Any

import pytest

from picloud import errors
from picloud.job import Job, JobMap
from picloud.protocol.client_messages import ReserveJids, SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.session import Session
from picloud.submissions import MAX_SPECS
from picloud.submit_verbs import PIECE_ITEMS
from tests.support.fake_master import FakeMaster


def double(x: Any) -> Any:
    return x * 2


def sum_of(a: int, b: int = 10, *, c: int = 100) -> int:
    return a + b + c


class Adder:
    def __init__(self, n: int) -> None:
        self.n = n

    def add(self, x: int) -> int:
        return x + self.n

    def __call__(self, x: int) -> int:
        return x + self.n


def test_a_call_gives_a_job_whose_result_is_what_the_function_returns(session: Session) -> None:
    job = session.call(double, 21)
    assert type(job) is Job
    assert session.result(job) == 42


def test_arguments_arrive_by_place_and_by_name(session: Session) -> None:
    assert session.result(session.call(sum_of, 1, b=2, c=3)) == 6


@pytest.mark.parametrize(
    "function",
    [Adder(1), Adder(1).add, functools.partial(sum_of, c=-10), lambda x: x + 1, (1).__add__],
    ids=["callable object", "bound method", "partial", "lambda", "built-in"],
)
def test_any_callable_runs(session: Session, function: Any) -> None:
    assert session.result(session.call(function, 1)) in (1, 2)


def test_arguments_are_copied_when_they_are_submitted(session: Session) -> None:
    items = [1]
    job = session.options(label="held").call(double, items)
    items.append(2)
    session.call(double, 0)
    assert session.status(job) == "queued"
    session.kill(job)
    assert session.result(session.call(double, items)) == [1, 2, 1, 2]


@pytest.mark.parametrize("wrong", [None, 3, "f", [double]])
def test_what_is_not_callable_is_refused(session: Session, wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be callable"):
        session.call(wrong)
    with pytest.raises(TypeError, match="must be callable"):
        session.map(wrong, [1])


def test_wrong_arguments_are_refused_in_the_words_of_python_and_nothing_is_sent(
    master: FakeMaster, session: Session
) -> None:
    with pytest.raises(TypeError) as caught:
        session.call(double)
    with pytest.raises(TypeError) as real:
        double()  # type: ignore[call-arg]
    assert str(caught.value) == str(real.value)
    assert master.received == []


def test_what_cannot_be_pickled_is_refused(master: FakeMaster, session: Session) -> None:
    with pytest.raises(errors.SerializationError, match="lock"):
        session.call(double, threading.Lock())
    with pytest.raises(errors.SerializationError, match="lock"):
        session.map(double, [threading.Lock()])
    lock = threading.Lock()
    with pytest.raises(errors.SerializationError, match="lock"):
        session.call(lambda: lock)


def test_jobs_of_one_function_define_it_once(master: FakeMaster, session: Session) -> None:
    session.result([session.call(double, n) for n in range(100)])
    assert len(master.told(DefineSpec)) == 1


def test_a_burst_of_calls_travels_in_few_messages(master: FakeMaster, session: Session) -> None:
    session.result(session.call(abs, 1))
    session.result([session.call(abs, n) for n in range(1000)])
    assert len(master.told(SubmitJobs)) < 200


@pytest.mark.parametrize("names", ["arguments", "dependencies"])
def test_a_loop_of_calls_that_name_jobs_lets_the_engine_have_its_turn(
    master: FakeMaster, session: Session, names: str
) -> None:
    first = session.call(double, 1)
    session.join(first)
    calls, interval = 0, sys.getswitchinterval()
    sys.setswitchinterval(600)  # Python itself lets no other thread in
    try:
        while len(master.told(SubmitJobs)) < 6 and calls < 20_000:
            if names == "arguments":
                session.call(double, [first])
            else:
                session.call(double, 2, _depends_on=first)
            calls += 1
    finally:
        sys.setswitchinterval(interval)
    assert len(master.told(SubmitJobs)) >= 6


def test_a_function_out_of_the_last_256_is_forgotten_and_can_come_back(
    master: FakeMaster, session: Session
) -> None:
    lambdas = [eval(f"lambda x: x + {n}") for n in range(MAX_SPECS + 10)]
    jobs = [session.call(each, 0) for each in lambdas]
    jobs.append(session.call(lambdas[0], 0))
    assert session.result(jobs) == [*range(MAX_SPECS + 10), 0]
    assert len(master.told(ForgetSpec)) == 11
    assert len(master.specs) == MAX_SPECS


def test_ids_are_asked_for_before_they_run_out() -> None:
    master = FakeMaster(ids=10)
    with master.session() as session:
        jobs = [session.call(double, n) for n in range(95)]
        assert session.result(jobs) == [2 * n for n in range(95)]
        assert len(set(jobs)) == 95
    assert master.told(ReserveJids)


def test_a_map_that_needs_several_blocks_of_ids_keeps_its_order() -> None:
    with FakeMaster(ids=7).session() as session:
        jobs = session.map(double, range(100))
        assert len(jobs) == 100
        assert session.result(jobs) == [2 * n for n in range(100)]
        assert session.result(jobs[5:40:3]) == [2 * n for n in range(100)][5:40:3]


def test_many_threads_submit_at_once(session: Session) -> None:
    results: dict[int, Any] = {}

    def work(start: int) -> None:
        jobs = [session.call(double, n) for n in range(start, start + 200)]
        results[start] = session.result(jobs)

    threads = [threading.Thread(target=work, args=(n * 1000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n * 1000: [2 * (n * 1000 + k) for k in range(200)] for n in range(8)}


# ---------------------------------------------------------------------- map


def test_a_map_stops_at_the_shortest_iterable(session: Session) -> None:
    jobs = session.map(sum_of, [1, 2, 3], [10, 20])
    assert session.result(jobs) == [111, 122]


def test_an_empty_map_is_empty_and_sends_nothing(master: FakeMaster, session: Session) -> None:
    jobs = session.map(double, [])
    assert (type(jobs), len(jobs), list(jobs)) == (JobMap, 0, [])
    assert session.result(jobs) == []
    assert master.received == []


def test_a_map_needs_an_iterable(session: Session) -> None:
    with pytest.raises(ValueError, match="at least one"):
        session.map(double)
    with pytest.raises(TypeError, match="not iterable"):
        session.map(double, 3)  # type: ignore[arg-type]


def test_a_map_advises_a_partial_for_a_constant(session: Session) -> None:
    with pytest.raises(TypeError, match=r"functools\.partial"):
        session.map(sum_of, [1], b=3)


def test_the_wrong_number_of_iterables_is_refused(session: Session) -> None:
    with pytest.raises(TypeError, match=r"double\(\) takes 1 positional argument but 2 were given"):
        session.map(double, [1], [2])


def test_a_lazy_input_is_sent_while_it_is_read(session: Session) -> None:
    def numbers() -> Any:
        for n in range(20):
            yield n
            # Its job runs before the next item is asked for.
            assert session.result(n + 1) == 2 * n

    assert session.result(session.map(double, numbers())) == [2 * n for n in range(20)]


def test_so_is_the_last_item_of_a_burst(session: Session) -> None:
    def numbers() -> Any:
        yield from range(1_234)
        assert session.result(1_234) == 2 * 1_233
        yield 1_234

    assert session.result(session.map(double, numbers())) == [2 * n for n in range(1_235)]


def test_an_error_of_the_input_comes_through_and_the_jobs_before_it_are_killed(
    master: FakeMaster, session: Session
) -> None:
    def numbers() -> Any:
        yield from range(3 * PIECE_ITEMS)
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        session.map(double, numbers(), _label="held")
    assert_all_killed(master, session)


def test_an_item_that_cannot_be_pickled_kills_the_jobs_before_it() -> None:
    master = FakeMaster(ids=7)
    with master.session() as session:
        items = iter([*range(100), threading.Lock()])
        with pytest.raises(errors.SerializationError, match="lock"):
            session.map(double, items, _label="held")
        assert_all_killed(master, session)


async def test_a_map_that_is_cancelled_kills_its_jobs(master: FakeMaster) -> None:
    async with master.session() as session:

        def numbers() -> Any:
            yield from range(3)
            mapping.cancel()
            yield from range(3 * PIECE_ITEMS)

        mapping = asyncio.ensure_future(session.options(label="held").amap(double, numbers()))
        with pytest.raises(asyncio.CancelledError):
            await mapping
        await session.awhy(1)
        assert master.jobs
        assert {job.status for job in master.jobs.values()} == {"killed"}


def assert_all_killed(master: FakeMaster, session: Session) -> None:
    session.status(1)  # what was asked before this has been done
    assert master.jobs
    assert {job.status for job in master.jobs.values()} == {"killed"}


def test_large_items_make_small_pieces(master: FakeMaster, session: Session) -> None:
    jobs = session.map(len, ["x" * 200_000] * 20)
    assert session.result(jobs) == [200_000] * 20
    assert len(master.told(SubmitJobs)) >= 3


# ---------------------------------------------------------------------- options


def test_options_and_underscore_keywords_mean_the_same(
    master: FakeMaster, session: Session
) -> None:
    session.result(session.options(type="c2", cores=2, label="x").call(double, 1))
    session.result(session.call(double, 1, _type="c2", _cores=2, _label="x"))
    session.result(session.map(double, [1], _type="c2", _cores=2, _label="x"))
    [defined] = master.told(DefineSpec)
    assert (defined.spec.core_type, defined.spec.cores, defined.spec.label) == ("c2", 2, "x")


def test_a_job_can_override_kept_options(master: FakeMaster, session: Session) -> None:
    kept = session.options(type="c2", cores=2)
    session.result(kept.call(double, 1, _cores=4))
    assert master.told(DefineSpec)[0].spec.cores == 4


def test_an_unknown_underscore_keyword_is_refused_with_the_nearest(session: Session) -> None:
    with pytest.raises(TypeError, match="did you mean _cores"):
        session.call(double, 1, _core=2)
    with pytest.raises(TypeError, match="did you mean _label"):
        session.map(double, [1], _lable="x")


async def test_the_asynchronous_twins_do_the_same(master: FakeMaster) -> None:
    async with master.session() as session:
        assert await (await session.acall(double, 4)) == 8
        jobs = await session.amap(double, range(2500))
        assert await session.aresult(jobs) == [2 * n for n in range(2500)]
        kept = session.options(label="x")
        assert await (await kept.acall(double, 1)) == 2
        assert await session.aresult(await kept.amap(double, [1])) == [2]


async def test_a_blocking_verb_in_a_running_loop_names_its_twin(master: FakeMaster) -> None:
    async with master.session() as session:
        with pytest.raises(RuntimeError, match=r"await acall\("):
            session.call(double, 1)
        with pytest.raises(RuntimeError, match=r"await amap\("):
            session.map(double, [1])
        with pytest.raises(RuntimeError, match=r"await acall\("):
            session.options(cores=2).call(double, 1)
