"""Replay: send recorded requests through a filter, in this process or in many. The upstream sends the recorded responses.

Reading recordings is in `..recorded`, the comparison of two filters in `..build_diff`.
"""

from .replay import replay
from .report import ReplayReport

__all__ = ["ReplayReport", "replay"]
