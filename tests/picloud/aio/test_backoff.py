from picloud.aio.backoff import Backoff


def backoff(random: float = 1.0) -> Backoff:
    return Backoff(first=0.5, longest=3.0, random=lambda: random)


def test_each_delay_may_be_twice_as_long_up_to_a_limit() -> None:
    waiting = backoff()
    assert [waiting.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_delay_is_any_part_of_its_bound() -> None:
    waiting = backoff(0.25)
    assert [waiting.next() for _ in range(3)] == [0.125, 0.25, 0.5]


def test_a_delay_may_be_nothing() -> None:
    assert backoff(0.0).next() == 0.0


def test_a_success_begins_again() -> None:
    waiting = backoff()
    for _ in range(4):
        waiting.next()
    waiting.reset()
    assert waiting.next() == 0.5
