"""What may start where nearly as many attempts sleep as there are places for."""

from picloud_worker.core import settings
from picloud_worker.core.interpreter.states import Busy, Lending
from picloud_worker.pipe.line import TooDeep
from tests.picloud_worker.core.talk import Talk

MOMENT = settings.RESERVATION * 1.1


def crowded() -> Talk:
    """Two cores and places for four: job 1 runs, 2 and 3 sleep, 4 and 5 are held back."""
    talk = Talk(cores=2, max_sleepers=4)
    talk.node.runs(1, 2, 3, 4, 5)
    for jid in (2, 3):
        talk.sleeps(jid)
        passes(talk)
    return talk


def quiet() -> Talk:
    """Nothing runs any more: job 4 has started in the place of job 1, and sleeps as well."""
    talk = crowded()
    talk.node.returns(1, 1)
    passes(talk)
    talk.sleeps(4)
    assert (talk.state(1), talk.interpreter_of(5)) == (Lending, 0)
    return talk


def passes(talk: Talk) -> None:
    talk.node.now += MOMENT
    talk.node.ticks()


class TestWhileSomethingRuns:
    def test_what_ranks_no_higher_than_a_sleeper_waits(self) -> None:
        talk = crowded()
        assert [talk.interpreter_of(jid) for jid in (1, 2, 3)] == [1, 2, 3]
        for _ in range(9):
            passes(talk)
        assert talk.interpreter_of(4) == 0

    def test_what_ranks_higher_starts_whatever_its_priority(self) -> None:
        talk = crowded()
        talk.runs(6, rank=1, priority=9)
        assert talk.interpreter_of(6) != 0
        assert talk.interpreter_of(4) == 0

    def test_a_sleeper_that_goes_on_and_ends_makes_place(self) -> None:
        talk = crowded()
        talk.tells(2, b"x")
        assert talk.interpreter_of(4) == 0
        talk.node.returns(2, 2)
        passes(talk)
        assert talk.interpreter_of(4) != 0

    def test_recursion_without_end_is_refused_when_all_places_are_taken(self) -> None:
        talk = crowded()
        answers = []
        for rank in (1, 2, 3):
            talk.runs(5 + rank, rank=rank)
            answers += talk.heard(talk.sleeps(5 + rank))
        ((interpreter, answer),) = answers
        assert isinstance(answer, TooDeep)
        assert interpreter == talk.interpreter_of(8)


class TestWhereNothingRuns:
    def test_the_sleepers_get_a_moment_to_wake(self) -> None:
        talk = quiet()
        assert set(talk.node.agent.busy_interpreters()) >= {2, 3}  # so that time passes for it
        talk.tells(2, b"x")
        passes(talk)
        assert (talk.state(2), talk.interpreter_of(5)) == (Busy, 0)

    def test_then_one_attempt_starts_and_a_moment_after_it_sleeps_the_next(self) -> None:
        talk = quiet()
        talk.node.runs(6)
        passes(talk)
        assert (talk.interpreter_of(5) == 0, talk.interpreter_of(6)) == (False, 0)
        talk.sleeps(5)
        assert talk.interpreter_of(6) == 0
        passes(talk)
        assert talk.interpreter_of(6) != 0

    def test_the_highest_rank_goes_first_whatever_its_priority(self) -> None:
        talk = crowded()
        talk.runs(6, rank=2)
        talk.sleeps(6)
        talk.runs(7, 8, rank=1, priority=9)  # one of these is what a sleeper waits for
        talk.node.returns(1, 1)
        assert [talk.interpreter_of(jid) for jid in (4, 5, 7, 8)] == [0, 0, 0, 0]
        passes(talk)
        assert talk.interpreter_of(7) != 0
        assert [talk.interpreter_of(jid) for jid in (4, 5, 8)] == [0, 0, 0]


def test_where_no_attempt_sleeps_all_cores_are_used() -> None:
    talk = Talk(cores=4, max_sleepers=2)
    talk.node.runs(1, 2, 3, 4)
    assert [talk.interpreter_of(jid) for jid in (1, 2, 3, 4)] == [1, 2, 3, 4]
