"""Files to keep: the trace for Perfetto, the module, a body. The kernel gives the bytes, the browser offers them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from wasmnb.errors import UsageError
from wasmnb.view.documents.proxy.perfetto import chrome_trace
from wasmnb.view.render.units import plural, size

from .arguments import Values, Wish, exchange_of

if TYPE_CHECKING:
    from wasmnb.view.panel.panel import Panel

__all__ = ["FILES"]

#: Events of a trace, and bytes of a body, that one message carries.
EVENTS, BYTES = 50_000, 32 << 20

#: The stations of an exchange at which a body can be had.
_STATIONS = ("request", "upstream_request", "upstream_response", "response")


def _perfetto(panel: Panel, _values: Values) -> str:
    trace = panel.proxy.trace
    events = trace[-EVENTS:]
    text = json.dumps(chrome_trace(events, panel.proxy.name))
    panel.widget.give_file(f"{panel.proxy.name}-trace.json", "application/json", text=text)
    cut = (
        f" (the newest of {trace.made:,}; wasmnb.view.documents.proxy.perfetto.chrome_trace takes more)"
        if trace.made > len(events)
        else ""
    )
    return f"{plural(len(events), 'event')}{cut}, {size(len(text))}: open the file at https://ui.perfetto.dev"


def _download(panel: Panel, _values: Values) -> str:
    made = panel.proxy.plugins[panel.plugin].filter
    data = made.release().wasm  # type: ignore[attr-defined]
    panel.widget.give_file(f"{made.name}.wasm", "application/wasm", base64=base64.b64encode(data).decode())
    return f"{made.name}.wasm, {size(len(data))}"


def _body(panel: Panel, values: Values) -> str:
    """One of the bodies of an exchange, whole."""
    station = str(values.get("station"))
    message = getattr(exchange_of(panel, values), station, None) if station in _STATIONS else None
    if message is None or not message.body:
        raise UsageError("there is no body to keep")
    if len(message.body) > BYTES:
        raise UsageError(f"a body of {size(len(message.body))} is too large for the browser: take it in a cell")
    name = f"{panel.proxy.name}-{values['exchange']}-{station.replace('_', '-')}-body"
    panel.widget.give_file(name, "application/octet-stream", base64=base64.b64encode(message.body).decode())
    return f"{name}, {size(len(message.body))}"


FILES: dict[str, Wish] = {"perfetto": _perfetto, "download": _download, "body": _body}
