"""Figures as markdown: median [min-max], and how many times better ours is in the same run."""

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.harness import Measured
from benchmarks.workloads import Metric

_OURS = "ours-"


def print_table(measured: Measured) -> None:
    """Append the table of one workload to stdout."""
    workload = measured.workload
    ours = [name for name in measured.figures if name.startswith(_OURS)]
    heads = ["contender", *(metric.unit for metric in workload.metrics), "runs"]
    heads += [f"{name} is × better" for name in ours]
    rows = [_row(measured, name, ours) for name in measured.figures]
    print(f"\n## {workload.name}: {workload.title}\n")
    print("\n".join(_markdown([heads, *rows])), flush=True)


def _row(measured: Measured, name: str, ours: Iterable[str]) -> list[str]:
    series = measured.figures[name]
    good = [figures for figures in series if figures is not None]
    metrics = measured.workload.metrics
    cells = [_spread([figures[metric.key] for figures in good]) for metric in metrics]
    runs = f"{len(good)}" if len(good) == len(series) else f"{len(good)} of {len(series)}"
    return [name, *cells, runs, *(_ratio(measured, mine, name) for mine in ours)]


def _ratio(measured: Measured, mine: str, theirs: str) -> str:
    """Median over the repetitions of how many times better `mine` is in the headline metric."""
    if mine == theirs:
        return ""
    metric = measured.workload.metrics[0]
    pairs = zip(measured.figures[mine], measured.figures[theirs], strict=True)
    values = [(one[metric.key], other[metric.key]) for one, other in pairs if one and other]
    better = [_times_better(metric, *pair) for pair in values if min(pair) > 0]
    return f"{median(better):.2f}" if better else "-"


def _times_better(metric: Metric, mine: float, theirs: float) -> float:
    return mine / theirs if metric.higher_is_better else theirs / mine


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "failed"
    return f"{_figure(median(values))} [{_figure(min(values))}-{_figure(max(values))}]"


def _figure(value: float) -> str:
    """Three digits that mean something: 0.058, 9.31, 12,345, 46k, 1.20M."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.2f}M"
    if size >= 2e4:
        return f"{value / 1e3:.0f}k"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if size < 1 else f"{value:.3g}"


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
