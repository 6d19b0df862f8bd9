"""Replay: send recorded requests through a filter, in this process or in several. The upstream sends the recorded responses.

Reading recordings is in `wasmnb.traffic.recorded`, and the comparison of two builds is in `wasmnb.traffic.build_diff`.
"""

from .replay import replay
from .report import ReplayReport

__all__ = ["ReplayReport", "replay"]
