"""What a workload is, and what all of them do first."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.contenders import Contender

Figures: TypeAlias = dict[str, float]

_WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a workload, and which way is better."""

    key: str
    unit: str
    higher_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """One measurement; the first metric is the headline, for which ratios are given."""

    name: str
    title: str
    run: Callable[[Contender, float], Figures]
    metrics: tuple[Metric, ...]
    repeat: int = 3
    awaits: bool = False
    timeout: float = 300.0


@contextmanager
def warm(contender: Contender) -> Iterator[None]:
    """The contender open, its processes started and its code loaded."""
    contender.open()
    try:
        handles = contender.map(contender.functions.noop, range(_WARM_UP))
        check(contender.gather(handles), _WARM_UP)
        del handles
        yield
    finally:
        contender.close()


def check(values: Sequence[int], count: int) -> None:
    """No-op jobs give back their numbers, in order."""
    if list(values) != list(range(count)):
        raise AssertionError(f"wrong results: {len(values)} of {count}, {values[:5]} …")


def scaled(count: int, scale: float) -> int:
    """A size for a trial run: `--scale 0.1` is a tenth of the work."""
    return max(2, round(count * scale))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]
