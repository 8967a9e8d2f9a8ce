"""Several threads of a job that sleep at once, and loops that do."""

import asyncio
from typing import Any

from picloud.protocol.client_messages import JobsUnknown
from picloud.protocol.ids import JobId
from picloud_worker.pipe.line import Asleep, TooDeep

NEWS = JobsUnknown([JobId(7)])


async def test_several_threads_sleep_at_once_and_each_wakes_for_its_own(bench: Any) -> None:
    def job(count: int) -> list[int]:
        import threading

        from picloud import inside

        heard: set[int] = set()
        woken: list[int] = []

        class Own:
            def __init__(self, jid: int) -> None:
                self.jid = jid

            def is_set(self) -> bool:
                return self.jid in heard

        def hear(messages: list[Any]) -> None:
            for message in messages:
                heard.update(message.jids)

        def wait(jid: int) -> None:
            line.sleep(Own(jid))
            woken.append(jid)

        line = inside.line
        assert line is not None
        line.on_heard = hear
        threads = [threading.Thread(target=wait, args=(jid,)) for jid in range(1, count)]
        for thread in threads:
            thread.start()
        wait(count)
        for thread in threads:
            thread.join()
        return woken

    count = 8
    (sequence,) = bench.submit(job, (count,))
    await bench.asleep(sequence)
    order = [3, 8, 1, 2, 7, 6, 4, 5]
    for number in order:
        bench.tell(sequence, JobsUnknown([JobId(number)]))
    assert sorted(await bench.result(sequence)) == sorted(order)


async def test_a_follower_that_leaves_in_time_does_not_take_the_lead_along(bench: Any) -> None:
    def job() -> list[str]:
        import threading

        from picloud import inside

        heard: list[Any] = []
        left: list[str] = []

        class News:
            def is_set(self) -> bool:
                return bool(heard)

        def wait(name: str, seconds: float | None) -> None:
            line.sleep(News(), seconds)
            left.append(name)

        line = inside.line
        assert line is not None
        line.on_heard = heard.extend
        kinds = [("a", 0.05), ("b", 0.1), ("c", None), ("d", 0.01)]
        threads = [threading.Thread(target=wait, args=kind) for kind in kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return left

    (sequence,) = bench.submit(job)
    await bench.asleep(sequence)
    await asyncio.sleep(0.15)  # the three leave meanwhile
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == ["d", "a", "b", "c"]


LOOP_JOB = """
async def job(naps):
    import asyncio
    from picloud import inside

    line = inside.line
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    refused = []
    line.on_heard = lambda messages: loop.call_soon_threadsafe(future.set_result, messages)

    def refuse(text):
        refused.append(text)
        loop.call_soon_threadsafe(future.set_result, [text])

    line.on_refused = refuse
    line.attach(loop)
    line.attach(loop)
    line.awaited.add(future)
    for _ in range(naps):
        await asyncio.sleep(0.01)
    found = await future
    line.awaited.discard(future)
    await asyncio.sleep(0.01)
    return refused or [type(each).__name__ for each in found]
"""


def loop_job() -> Any:
    space: dict[str, Any] = {}
    exec(LOOP_JOB, space)
    return space["job"]


async def test_a_loop_that_awaits_outcomes_sleeps_and_wakes_with_what_it_is_told(
    bench: Any,
) -> None:
    (sequence,) = bench.submit(loop_job(), (0,))
    await bench.asleep(sequence)
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == ["JobsUnknown"]
    assert bench.words == [(1, Asleep(sequence, 0))]


async def test_a_loop_that_something_else_wakes_asks_before_it_goes_on(bench: Any) -> None:
    (sequence,) = bench.submit(loop_job(), (1,))
    await bench.woke_up(sequence)
    bench.go_on(sequence)
    await bench.asleep(sequence, times=2)
    bench.tell(sequence, NEWS)
    assert await bench.result(sequence) == ["JobsUnknown"]


async def test_a_loop_without_room_to_sleep_hears_of_it(bench: Any) -> None:
    (sequence,) = bench.submit(loop_job(), (0,))
    await bench.asleep(sequence)
    bench.pool.tell(1, [TooDeep(sequence, "no room")])
    assert await bench.result(sequence) == ["no room"]
