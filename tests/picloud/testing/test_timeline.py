"""Virtual time: things happen when they are due, in order."""

from picloud.protocol.client_messages import Accepted
from picloud.protocol.ids import RequestId
from picloud.protocol.wire import WIRE
from picloud.testing.timeline import SimulatedLink, Timeline


def test_things_happen_in_the_order_of_their_instants_and_then_of_asking() -> None:
    timeline, seen = Timeline(), []
    for name, seconds in [("late", 2.0), ("one", 1.0), ("two", 1.0)]:
        timeline.after(seconds, lambda name=name: seen.append((timeline.now, name)))
    timeline.run_until(timeline.now + 10)
    assert seen == [(1001.0, "one"), (1001.0, "two"), (1002.0, "late")]
    assert timeline.now == 1010.0


def test_a_step_goes_no_further_than_it_may() -> None:
    timeline, seen = Timeline(), []
    timeline.after(5.0, lambda: seen.append("it"))
    assert not timeline.step(1004.0)
    assert timeline.now == 1000.0
    assert timeline.step(1005.0)
    assert seen == ["it"]
    assert not timeline.step()


def test_a_link_keeps_the_order_and_loses_what_is_on_the_way_when_it_dies() -> None:
    timeline = Timeline()
    heard: list[list[object]] = []
    link = SimulatedLink(timeline, WIRE, 1.0, heard.append)
    for number in (1, 2):
        link.send([Accepted(RequestId(number))])
    timeline.run_until(1001.0)
    link.send([Accepted(RequestId(3))])
    link.is_dead = True
    timeline.run_until(1010.0)
    assert heard == [[Accepted(RequestId(1))], [Accepted(RequestId(2))]]
