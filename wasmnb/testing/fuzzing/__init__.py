"""The fuzzer behind `%wasmfuzz`: it searches for scenarios in which a filter fails, and writes them as pytest tests.

Assertions about a proxy are in `..assertions`; the drawing of a report is in `wasmnb.view`.
"""

from .api import fuzz, replay
from .report import Finding, FuzzReport
from .scenarios.scenario import Scenario
from .search.runner import Fault, Session, Settings

__all__ = ["Fault", "Finding", "FuzzReport", "Scenario", "Session", "Settings", "fuzz", "replay"]
