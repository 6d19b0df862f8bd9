"""Replay: recorded requests through a filter, with the recorded responses as upstream, in this process or in many.

Reading recordings is in `..recorded`, the comparison of two filters in `..compare`.
"""

from .replay import replay
from .report import ReplayReport

__all__ = ["ReplayReport", "replay"]
