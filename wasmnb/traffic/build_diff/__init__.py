"""Compare two builds of a filter with the same recorded traffic, and group the differences.

Sending the recorded requests is in `wasmnb.traffic.replay`. The comparison with the real Envoy is in `wasmnb.envoy`.
"""

from .diff import diff
from .groups import DifferenceGroup
from .report import DiffReport

__all__ = ["DiffReport", "DifferenceGroup", "diff"]
