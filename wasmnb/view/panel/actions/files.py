"""Actions that save a file: the trace for Perfetto, the module, a body or a test. The kernel sends it to the browser."""

from __future__ import annotations

import base64
import json

from wasmnb import _hooks
from wasmnb.errors import UsageError
from wasmnb.view.documents.proxy.perfetto import chrome_trace
from wasmnb.view.panel.renderer import Renderer
from wasmnb.view.render.units import plural, size

from .arguments import PanelAction, Values, exchange_of

__all__ = ["FILES"]

#: Maximum number of events of a trace, and maximum size of a body in bytes, in one message.
EVENTS, BYTES = 50_000, 32 << 20

#: Attributes of an exchange that contain a message with a body.
_STATIONS = ("request", "upstream_request", "upstream_response", "response")


def _perfetto(renderer: Renderer, _values: Values) -> str:
    proxy = renderer.state.proxy
    events = proxy.trace[-EVENTS:]
    text = json.dumps(chrome_trace(events, proxy.name))
    renderer.state.widget.send_file(f"{proxy.name}-trace.json", "application/json", text=text)
    cut = ""
    if proxy.trace.total > len(events):
        cut = f" (the newest of {proxy.trace.total:,}; wasmnb.view.documents.proxy.perfetto.chrome_trace takes more)"
    return f"{plural(len(events), 'event')}{cut}, {size(len(text))}: open the file at https://ui.perfetto.dev"


def _download(renderer: Renderer, _values: Values) -> str:
    state = renderer.state
    filter_ = state.proxy.plugins[state.selection.plugin].filter
    data = filter_.release().wasm  # type: ignore[attr-defined]
    state.widget.send_file(f"{filter_.name}.wasm", "application/wasm", base64=base64.b64encode(data).decode())
    return f"{filter_.name}.wasm, {size(len(data))}"


def _body(renderer: Renderer, values: Values) -> str:
    """Save the body of one of the messages of an exchange."""
    station = str(values.get("station"))
    message = getattr(exchange_of(renderer, values), station, None) if station in _STATIONS else None
    if message is None or not message.body:
        raise UsageError("This message has no body to save. Choose a message with a body.")
    if len(message.body) > BYTES:
        raise UsageError(f"The body has {size(len(message.body))}, more than the panel can send. Save it from a cell.")
    name = f"{renderer.state.proxy.name}-{values['exchange']}-{station.replace('_', '-')}-body"
    data = base64.b64encode(message.body).decode()
    renderer.state.widget.send_file(name, "application/octet-stream", base64=data)
    return f"{name}, {size(len(message.body))}"


def _test(renderer: Renderer, values: Values) -> str:
    """Save a pytest test that is generated from an exchange."""
    exchange, state = exchange_of(renderer, values), renderer.state
    code = _hooks.write_test(state.proxy, [exchange])
    name = f"test_{state.proxy.name}_{exchange.number}.py"
    state.widget.send_file(name, "text/x-python", text=code)
    return f"{name}: pytest runs it"


FILES: dict[str, PanelAction] = {"perfetto": _perfetto, "download": _download, "body": _body, "test": _test}
