"""What is measured, one function for each workload."""

from benchmarks.workloads.base import Metric, Workload
from benchmarks.workloads.table import WORKLOADS

__all__ = ["WORKLOADS", "Metric", "Workload"]
