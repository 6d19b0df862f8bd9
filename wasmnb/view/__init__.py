"""Display proxies, exchanges, reports and errors as HTML, text and figures, and in the live panel.

`documents` defines the contents, `render` writes and escapes the output, `tracebacks` formats errors, and `panel` is the live
panel. Documents only read the objects that they display; the panel's actions also send
requests to a proxy, run its ticks and restart it. Lower floors call this package through `wasmnb._hooks`.
"""

from .documents.filter.module import facts_document, facts_html, facts_text
from .documents.filter.profile import profile_document, profile_html, profile_text
from .documents.proxy.log import log_document, log_html, log_text
from .documents.proxy.python_state import python_state_document, python_state_html, python_state_text
from .documents.proxy.trace import trace_document, trace_html, trace_text
from .documents.proxy.tree import tree_document, tree_html, tree_text
from .documents.traffic.exchange import exchange_document, exchange_html, exchange_text
from .documents.traffic.latency import latency_document, latency_figure, latency_html, latency_text
from .mimebundle import document_of, mimebundle
from .render.escape import escape, visible
from .render.html import to_html
from .render.text import to_text
from .tracebacks.error_lines import error_lines

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
