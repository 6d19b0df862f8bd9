"""The fuzzer of `%wasmfuzz` and `wasmnb fuzz`, which searches for scenarios in which a filter fails, and writes pytest tests.

Assertions about a proxy are in `wasmnb.testing.assertions`. `wasmnb.view` converts the documents of reports to HTML.
"""

from .api import fuzz, replay
from .report import Finding, FuzzReport
from .scenarios.scenario import Scenario
from .search.runner import FilterFault, Session, Settings

__all__ = ["FilterFault", "Finding", "FuzzReport", "Scenario", "Session", "Settings", "fuzz", "replay"]
