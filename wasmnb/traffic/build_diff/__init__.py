"""Comparison of two builds of a filter on the same recorded traffic: observations, differences, and groups of differences.

The comparison of the simulated proxy with the real Envoy is in `wasmnb.envoy`; sending the traffic is in `..replay`.
"""

from .diff import diff
from .groups import DifferenceGroup
from .report import DiffReport

__all__ = ["DiffReport", "DifferenceGroup", "diff"]
