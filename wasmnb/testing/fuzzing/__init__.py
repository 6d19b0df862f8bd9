"""The fuzzer of `%wasmfuzz` and `wasmnb fuzz`, which searches for scenarios in which a filter fails, and writes pytest tests.

Assertions about a proxy are in `wasmnb.testing.assertions`, and the HTML view of a report is in `wasmnb.view`.
"""

from .api import fuzz, replay
from .report import Finding, FuzzReport
from .scenarios.scenario import Scenario
from .search.runner import FilterFault, Session, Settings

__all__ = ["FilterFault", "Finding", "FuzzReport", "Scenario", "Session", "Settings", "fuzz", "replay"]
