"""What the panel shows, as JSON: pure functions from the host's objects, one module a view.

All text goes through `texts.shown`, so the front-end gets nothing but printable characters, and it only ever writes text
nodes. Long things are cut here as well, and say so: a trace of a million events, a body of 50 MB or a log of 100,000 lines
costs what is shown of it.
"""

from __future__ import annotations

from .bodies import body
from .contexts import tree
from .exchanges import detail, row, row_text
from .latency import latency, summary
from .lines import line, log
from .module import module
from .state import python_state, state
from .texts import Room, shown
from .timeline import call, lanes

__all__ = [
    "Room", "body", "call", "detail", "lanes", "latency", "line", "log", "module", "python_state", "row", "row_text", "shown", "state", "summary", "tree",
]  # fmt: skip
