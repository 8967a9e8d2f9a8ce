"""What may still start where nearly as many attempts sleep as there are places for.

A program can be wide: hundreds of jobs that wait for the same one, or for less urgent ones. Each
that is started takes a place of a sleeper, and what comes when all are taken is refused. So while
few are left, nothing starts but what ranks above all sleepers: that is what they may wait for. A
worker on which nothing runs any more holds nothing back for long: what a sleeper waits for may lie
in its backlog with the rank that it had before anybody waited. Then the highest rank goes first.
"""

from picloud_worker.core import settings
from picloud_worker.core.crew import Crew
from picloud_worker.core.interpreter.actor import Interpreter
from picloud_worker.core.interpreter.states import Idle, Lending


def least_rank(crew: Crew) -> int:
    """The lowest rank that may start now; 0 while there are places enough.

    It has to be asked in every turn: it notes since when nothing runs.
    """
    if not crew.sleepers:
        crew.quiet_since = None
        return 0
    places = crew.max_sleepers - crew.max_sleepers // settings.PLACES_FOR_HIGHER_RANKS
    if len(crew.interpreters) < places:
        crew.quiet_since = None
        return 0
    awake = sum(_is_awake(one) for one in crew.interpreters.values())
    if awake:
        crew.quiet_since = None
    if crew.sleepers + awake < places:  # any of them may fall asleep
        return 0
    above = 1 + max(map(_rank_of_sleeper, crew.interpreters.values()))
    if awake:
        return above
    if crew.quiet_since is None:
        crew.quiet_since = crew.now
    if crew.now - crew.quiet_since < settings.RESERVATION:
        return above  # what has ended last may have been what they wait for: they are about to wake
    return min(above, max(pool.backlog.highest_rank() for pool in crew.pools))


def _is_awake(interpreter: Interpreter) -> bool:
    """It runs something, or ends, or stands in line for its cores: there will be news of it."""
    return type(interpreter.state) not in _QUIET


def _rank_of_sleeper(interpreter: Interpreter) -> int:
    if type(interpreter.state) is not Lending:
        return 0
    return max((attempt.rank for attempt in interpreter.outstanding.values()), default=0)


_QUIET = frozenset({Idle, Lending})
