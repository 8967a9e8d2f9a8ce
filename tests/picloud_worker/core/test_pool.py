"""Which attempt gets a core next, where jobs wait for jobs."""

from picloud.protocol.jobs import SlotPool
from picloud_worker.core import settings
from picloud_worker.core.effects import RecallInterpreter
from picloud_worker.core.interpreter.states import Busy
from picloud_worker.core.pool import NeedInterpreter, Pool
from tests.picloud_worker.core.talk import Talk, a_sleeper
from tests.support.builders import Node, an_attempt


class TestDepthFirst:
    def test_a_lent_core_is_kept_for_the_jobs_of_the_sleeper(self) -> None:
        talk = a_sleeper()
        talk.node.runs(9)
        assert talk.interpreter_of(9) == 0
        assert talk.node.agent.busy_interpreters() == [1]  # so that time passes for it
        talk.runs(2, rank=1)
        assert talk.interpreter_of(2) == 2
        assert talk.interpreter_of(9) == 0

    def test_it_is_kept_for_a_moment_only(self) -> None:
        talk = a_sleeper()
        talk.node.runs(9)
        talk.node.now += settings.RESERVATION * 1.1
        talk.node.ticks()
        assert talk.interpreter_of(9) == 2

    def test_the_core_of_the_last_child_is_kept_for_the_sleeper(self) -> None:
        talk = a_sleeper()
        talk.node.runs(9)
        talk.runs(2, rank=1)
        talk.node.returns(2, 2)
        assert talk.interpreter_of(9) == 0
        talk.tells(1, b"x")
        assert talk.state(1) is Busy

    def test_other_cores_are_not_kept(self) -> None:
        talk = a_sleeper(cores=2)
        talk.node.runs(8, 9)
        assert talk.interpreter_of(8) == 2
        assert talk.interpreter_of(9) == 0

    def test_of_one_core_the_most_urgent_reservation_counts(self) -> None:
        talk = a_sleeper()
        talk.runs(2, rank=1)
        talk.sleeps(2)
        talk.tells(1, b"x")
        talk.sleeps(1, heard=1)
        talk.runs(3, rank=1)
        assert talk.interpreter_of(3) == 0
        talk.runs(4, rank=2)
        assert talk.interpreter_of(4) != 0

    def test_nobody_is_kept_waiting_where_no_job_sleeps(self) -> None:
        talk = Talk()
        talk.runs(1, 2, rank=3)
        talk.node.runs(9)
        talk.node.returns(1, 1, runtime=60.0)
        talk.node.returns(1, 2, runtime=60.0)
        assert talk.node.given(1) == [9]

    def test_one_that_uses_the_cloud_is_given_no_neighbours(self) -> None:
        talk = Talk()
        talk.node.learns(settings.WINDOW / 8)
        talk.node.runs(1)
        talk.says(1, b"x")
        talk.node.runs(2)
        assert talk.node.given(1) == [1]


class TestRelief:
    """What waits behind a running attempt, while a core has nothing to do."""

    SHORT = settings.RELIEVED_FROM
    FEW = 4

    def node(self, runtime: float = SHORT) -> Node:
        """Two cores; the second one has run out of work."""
        node = Node(cores=2)
        node.learns(runtime)
        node.runs(*range(1, 2 * self.FEW + 1))
        node.returns(2, *node.given(2), runtime=runtime)
        return node

    def recalled(self, node: Node) -> list[int]:
        return [one.interpreter for one in node.effects if isinstance(one, RecallInterpreter)]

    def test_it_is_given_back_and_shared(self) -> None:
        node = self.node()
        assert self.recalled(node) == [1]
        node.gives_back(1, 2, 3, 4)
        assert (node.given(1), node.given(2)) == ([1, 4], [2, 3])
        assert self.recalled(node) == [1]

    def test_little_of_it_is_left_alone(self) -> None:
        assert self.recalled(self.node(self.SHORT / self.FEW / 2)) == []

    def test_what_is_about_to_be_reported_is_left_alone(self) -> None:
        node = Node(cores=2)
        node.learns(self.SHORT)
        node.runs(*range(1, 2 * self.FEW + 1))
        node.now += self.SHORT * self.FEW
        node.returns(2, *node.given(2), runtime=self.SHORT)
        assert self.recalled(node) == []

    def test_what_is_late_is_not(self) -> None:
        node = Node(cores=2)
        node.learns(self.SHORT)
        node.runs(*range(1, 2 * self.FEW + 1))
        node.now += self.SHORT * (self.FEW + 1)
        node.returns(2, *node.given(2), runtime=self.SHORT)
        assert self.recalled(node) == [1]

    def test_what_does_not_fit_the_free_cores_stays(self) -> None:
        node = Node(cores=3)
        node.learns(self.SHORT, cores=2)
        node.runs(1, 2, 3, 4, cores=2)
        assert len(node.given(1)) > 1
        assert self.recalled(node) == []

    def test_a_core_that_is_kept_for_others_is_not_free(self) -> None:
        talk = Talk(2)
        talk.node.runs(1, restartable=False)
        talk.node.runs(9)
        talk.node.returns(2, 9, runtime=self.SHORT)
        talk.node.runs(*range(10, 14))
        assert talk.node.given(2) == [10, 11, 12, 13]
        talk.sleeps(1)
        assert self.recalled(talk.node) == []
        talk.node.now += settings.RESERVATION * 2
        talk.node.ticks()
        assert self.recalled(talk.node) == [2]


def test_what_is_held_back_by_rank_waits_and_what_is_not_overtakes_it() -> None:
    pool = Pool(0, SlotPool(["c1"], 1))
    urgent, nested = an_attempt(1, priority=1), an_attempt(2, priority=9)
    nested.rank = 1
    for attempt in (urgent, nested):
        pool.backlog.extend([attempt])
    assert pool.next_step(0.0) == NeedInterpreter(urgent)
    assert pool.next_step(0.0, least_rank=1) == NeedInterpreter(nested)
    assert pool.next_step(0.0, least_rank=2) is None
    assert pool.is_holding_back
