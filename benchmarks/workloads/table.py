"""The workloads, in the order in which they run. `research/rivals.md` defines the numbers."""

from benchmarks.workloads import bulk, cold, graphs, large, latency, memory
from benchmarks.workloads.base import Metric, Workload

_BULK = (
    Metric("jobs_per_s", "jobs/s", higher_is_better=True),
    Metric("submit_per_s", "submitted/s", higher_is_better=True),
    Metric("cpu_us", "CPU µs/job, all processes"),
    Metric("switches", "context switches/job"),
)
_ROUND_TRIP = (Metric("p50_us", "p50 µs"), Metric("p99_us", "p99 µs"))

_ALL = (
    Workload(
        "W1", "10,000 no-op jobs by map, each with a handle", bulk.noops_by_map, _BULK, repeat=5
    ),
    Workload("W1call", "10,000 no-op jobs by a loop of call", bulk.noops_by_call, _BULK, repeat=5),
    Workload(
        "W2",
        "one job and its result, 1,000 in sequence",
        latency.round_trips,
        _ROUND_TRIP,
        repeat=5,
    ),
    Workload(
        "W2async",
        "the same by await",
        latency.awaited_round_trips,
        _ROUND_TRIP,
        repeat=5,
        awaits=True,
    ),
    Workload(
        "W3",
        "2,000 jobs of 5 ms CPU; efficiency against two bare forks",
        bulk.spins,
        (
            Metric("efficiency", "efficiency", higher_is_better=True),
            Metric("wall_s", "wall s"),
            Metric("bare_s", "bare s"),
        ),
    ),
    Workload(
        "W4",
        "arrays of 64 MiB: a new argument, an argument and a result, a new result, one for 20 jobs",
        large.payloads,
        (
            Metric("first_mb_per_s", "new argument, MB/s", higher_is_better=True),
            Metric("both_mb_per_s", "argument and result, MB/s", higher_is_better=True),
            Metric("result_mb_per_s", "new result, MB/s", higher_is_better=True),
            Metric("shared_ms", "shared by 20 jobs, ms"),
        ),
    ),
    Workload(
        "W5",
        "a chain of 500 jobs, and the sum of 1,024 leaves in pairs",
        graphs.graphs,
        (
            Metric("chain_per_s", "chain, jobs/s", higher_is_better=True),
            Metric("tree_per_s", "tree, jobs/s", higher_is_better=True),
        ),
    ),
    Workload(
        "W6",
        "cold start: process start to first result",
        cold.cold_start,
        (
            Metric("first_result_s", "first result s"),
            Metric("exit_s", "exit s"),
            Metric("import_s", "import alone s"),
            Metric("empty_s", "empty Python s"),
        ),
        repeat=5,
    ),
    Workload(
        "W7",
        "memory of 100,000 queued no-op jobs, no slot free",
        memory.queued_jobs,
        (
            Metric("queue_bytes", "bytes/job, process of the queue"),
            Metric("all_bytes", "bytes/job, all processes"),
            Metric("submit_per_s", "submitted/s", higher_is_better=True),
        ),
    ),
    Workload(
        "W8",
        "1,000 coroutines awaiting, 5 calls each",
        latency.callers,
        (
            Metric("calls_per_s", "calls/s", higher_is_better=True),
            Metric("p50_ms", "p50 ms"),
            Metric("p99_ms", "p99 ms"),
        ),
        repeat=5,
        awaits=True,
    ),
)
WORKLOADS = {workload.name: workload for workload in _ALL}
