"""Return the display data of objects, from a table of classes and the functions that create their documents.

Classes of lower floors are looked up by name, including base classes, so that this module doesn't need to import them. A class
of an upper floor isn't in the table, but has a method `document`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasmnb import _hooks

from .documents.filter.export import export_document
from .documents.filter.forecast import forecast_document
from .documents.filter.module import facts_document
from .documents.filter.profile import profile_document
from .documents.proxy.log import log_document
from .documents.proxy.overview import proxy_document
from .documents.proxy.python_state import python_state_document
from .documents.proxy.shared_state import metrics_document, shared_document
from .documents.proxy.trace import NEWEST, trace_document
from .documents.proxy.tree import tree_document
from .documents.traffic.comparison import parity_document
from .documents.traffic.exchange import connection_document, exchange_document
from .documents.traffic.load import load_document
from .documents.traffic.plan import plan_document
from .documents.traffic.recordings import diff_document, replay_document
from .render.document import Document
from .render.html import to_html
from .render.text import to_text

__all__ = ["DOCUMENTS", "attached_panel", "document_of", "mimebundle", "static_bundle"]


def _trace(trace: Any) -> Document:
    """Return a document with the last events of a trace, because decoding all events of a long trace takes seconds."""
    newest = trace[-NEWEST:]
    return trace_document(newest, dropped=trace.dropped + len(trace) - len(newest))


def _shared(data: Any) -> Document:
    return shared_document({key: (data[key], data.cas(key)) for key in data})


#: Name of a class of a lower floor -> function that returns the document of an object.
DOCUMENTS: dict[str, Callable[[Any], Document]] = {
    "Proxy": proxy_document,
    "TreeNode": tree_document,
    "Exchange": exchange_document,
    "EnvoyExchange": exchange_document,
    "TcpExchange": connection_document,
    "LoadReport": load_document,
    "PlanReport": plan_document,
    "ReplayReport": replay_document,
    "DiffReport": diff_document,
    "ProfileReport": profile_document,
    "Parity": parity_document,
    "Export": export_document,
    "Forecast": forecast_document,
    "Log": log_document,
    "Trace": _trace,
    "Metrics": metrics_document,
    "SharedData": _shared,
    "PythonState": python_state_document,
    "ModuleFacts": facts_document,
    "FilterInfo": facts_document,
    "Filter": lambda filter_: facts_document(filter_.info),
}


def document_of(obj: Any) -> Document:
    """Return the document of the object `obj`, from its method `document` or from the table.

    Raises
    ------
    TypeError
        The class of the object has no document.
    """
    if hasattr(type(obj), "document"):
        document: Document = obj.document()
        return document
    name = document_name(obj)
    if not name:
        raise TypeError(f"Objects of type {type(obj).__name__} can't be displayed. Use repr() instead.")
    return DOCUMENTS[name](obj)


def document_name(obj: Any) -> str:
    """Return the name under which the class of an object is listed in `DOCUMENTS`, or '' if it isn't."""
    return next((cls.__name__ for cls in type(obj).__mro__ if cls.__name__ in DOCUMENTS), "")


def mimebundle(obj: Any) -> dict[str, Any]:
    """Return the display data of the object `obj`: HTML, text, and for a proxy its live panel.

    The panel is created when a running proxy is first displayed in a front end that supports panels.
    """
    panel = attached_panel(obj)
    if panel is None and document_name(obj) == "Proxy" and obj.state != "closed" and _hooks.shows_panels():
        panel = _hooks.panel_of(obj)
    return {**static_bundle(obj), **(panel.live_bundle() if panel is not None else {})}


def attached_panel(obj: Any) -> Any:
    """Return the live panel of a proxy. Returns None for other objects, and for proxies without a panel."""
    return getattr(obj, "attachments", {}).get("panel")


def static_bundle(obj: Any) -> dict[str, str]:
    """Return the display data `text/html` and `text/plain` of an object, without the live panel."""
    document = document_of(obj)
    return {"text/html": to_html(document), "text/plain": to_text(document)}
