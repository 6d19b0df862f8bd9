"""JSON for the panel: pure functions from objects of the host, one module for each view. They change nothing.

All text goes through `texts.printable`, so that the front end gets only printable characters. Long content is cut and
counted: a trace of a million events or a body of 50 MB costs only the shown part.
"""

from __future__ import annotations

from .bodies import body
from .contexts import tree
from .documents import document
from .exchanges import detail, row, row_text
from .latency import latency, summary
from .lines import line, log
from .module import module
from .start import bands, start
from .state import python_state, state
from .texts import Budget, printable
from .timeline import call, lanes

__all__ = [
    "Budget", "bands", "body", "call", "detail", "document", "lanes", "latency", "line", "log", "module", "printable", "python_state", "row", "row_text", "start", "state", "summary", "tree",
]  # fmt: skip
