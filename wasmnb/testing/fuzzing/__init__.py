"""The fuzzer behind `%wasmfuzz`: it searches for scenarios that a filter does not survive, and writes them as tests."""

from .report import Finding, FuzzReport
from .runner import Fault, Session, Settings
from .scenario import Scenario
from .search import fuzz, replay

__all__ = ["Fault", "Finding", "FuzzReport", "Scenario", "Session", "Settings", "fuzz", "replay"]
