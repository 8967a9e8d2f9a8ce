"""Ours and the rivals behind one face; a workload knows only `Contender`."""

from benchmarks.contenders.base import Call, ColdStart, Contender
from benchmarks.contenders.registry import MODES, RIVALS, awaits, create, importable

__all__ = ["MODES", "RIVALS", "Call", "ColdStart", "Contender", "awaits", "create", "importable"]
