"""Pictures of traces and state: pure functions from the host's objects to HTML, text and figures.

Each view builds a `Document`; `to_html` and `to_text` write it down, and escape all text at one place. Nothing here
registers anything anywhere: objects of lower floors import this package when they are shown.
"""

from .bundle import document_of, mimebundle
from .errors import error_lines
from .escape import escape, visible
from .exchange import exchange_document, exchange_html, exchange_text
from .latency import latency_document, latency_figure, latency_html, latency_text
from .log import log_document, log_html, log_text
from .module import facts_document, facts_html, facts_text
from .profile import profile_document, profile_html, profile_text
from .python_state import python_state_document, python_state_html, python_state_text
from .to_html import to_html
from .to_text import to_text
from .trace import trace_document, trace_html, trace_text
from .tree import tree_document, tree_html, tree_text

__all__ = [
    "document_of",
    "error_lines",
    "escape",
    "exchange_document",
    "exchange_html",
    "exchange_text",
    "facts_document",
    "facts_html",
    "facts_text",
    "latency_document",
    "latency_figure",
    "latency_html",
    "latency_text",
    "log_document",
    "log_html",
    "log_text",
    "mimebundle",
    "profile_document",
    "profile_html",
    "profile_text",
    "python_state_document",
    "python_state_html",
    "python_state_text",
    "to_html",
    "to_text",
    "trace_document",
    "trace_html",
    "trace_text",
    "tree_document",
    "tree_html",
    "tree_text",
    "visible",
]
