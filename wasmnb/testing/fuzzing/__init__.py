"""The fuzzer behind `%wasmfuzz`: it searches for scenarios that a filter does not survive, and writes them as tests."""

from .entry import fuzz, replay
from .report import Finding, FuzzReport
from .runner import Fault, Session, Settings
from .scenario import Scenario

__all__ = ["Fault", "Finding", "FuzzReport", "Scenario", "Session", "Settings", "fuzz", "replay"]
