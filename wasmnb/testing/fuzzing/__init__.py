"""The fuzzer behind `%wasmfuzz`: it searches for scenarios that a filter does not survive, and writes them as tests."""

from .api import fuzz, replay
from .report import Finding, FuzzReport
from .scenarios.scenario import Scenario
from .search.runner import Fault, Session, Settings

__all__ = ["Fault", "Finding", "FuzzReport", "Scenario", "Session", "Settings", "fuzz", "replay"]
