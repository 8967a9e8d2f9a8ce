"""Benchmarks of single parts, in the own process: `python -m benchmarks micro`.

A module here has `run() -> dict[str, float]`, figure by name with its unit, and stands in MODULES.
"""

from importlib import import_module

MODULES: tuple[str, ...] = ("bench_codec", "bench_kernel", "bench_link")


def run_all() -> dict[str, dict[str, float]]:
    """The figures of every module."""
    return {name: import_module(f"{__name__}.{name}").run() for name in MODULES}
