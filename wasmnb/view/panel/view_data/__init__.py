"""Convert proxies, exchanges and reports to JSON for the panel. There is one module for each view.
The user's actions are in `..actions`.

All text is passed through `texts.printable`, so that the front end receives only printable characters. Long contents are
shortened, so that large traces and bodies don't slow down the panel.
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
