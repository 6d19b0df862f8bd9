"""Actions that change what is shown: the open view, the selected exchange, and the selected part of the proxy."""

from __future__ import annotations

from wasmnb.errors import UsageError
from wasmnb.view.panel import view_data
from wasmnb.view.panel.latencies import BASELINE
from wasmnb.view.panel.renderer import Renderer
from wasmnb.view.panel.scope import Scope
from wasmnb.view.panel.views import read_python

from .arguments import PanelAction, Values, exchange_of, integer

__all__ = ["NAVIGATION"]


def _look(renderer: Renderer, values: Values) -> str:
    """Open a view. If the front end is new, the complete list of exchanges is sent as well."""
    renderer.look(str(values.get("view")))
    if values.get("fresh"):
        renderer.send_rows()
    return ""


def _pick(renderer: Renderer, values: Values) -> str:
    renderer.state.selection.follow = False
    renderer.pick(integer(values.get("exchange"), "exchange"))
    return ""


def _narrow(renderer: Renderer, values: Values) -> str:
    renderer.narrow(Scope.from_values(values))
    return ""


def _around(renderer: Renderer, values: Values) -> str:
    """Show the timeline around an exchange, or the most recent events if there is no exchange."""
    selection = renderer.state.selection
    if values.get("exchange") is None:
        selection.around = None
    else:
        exchange_of(renderer, values)
        selection.around = integer(values["exchange"], "exchange")
    renderer.look("Timeline")
    return ""


def _event(renderer: Renderer, values: Values) -> str:
    """Show a callback of the timeline with decoded arguments."""
    events = renderer.state.proxy.trace.find(integer(values.get("seq"), "seq"))
    if not events:
        raise UsageError("The trace has discarded this event. Choose a newer one.")
    renderer.state.widget.event = view_data.call(events[0], events[1:])
    return ""


def _python(renderer: Renderer, _values: Values) -> str:
    """Read the Python variables of all workers."""
    read_python(renderer.state, all_workers=True)
    return ""


def _module(renderer: Renderer, values: Values) -> str:
    """Show the module of the selected plugin."""
    plugin = integer(values.get("plugin"), "plugin")
    if not 0 <= plugin < len(renderer.state.proxy.plugins):
        raise UsageError(f"This proxy has no plugin {plugin}. Use 0 to {len(renderer.state.proxy.plugins) - 1}.")
    renderer.state.selection.plugin = plugin
    renderer.look("Module")
    return ""


def _keep(renderer: Renderer, _values: Values) -> str:
    """Store the current latencies, so that later latencies can be compared with them."""
    state = renderer.state
    state.history.read()
    state.latencies.kept = state.latencies.figures(state.history, state.selection.scope)
    return _against(renderer, {"against": BASELINE}) or "later figures are compared with these"


def _against(renderer: Renderer, values: Values) -> str:
    """Select the latencies to compare with, or none."""
    state, name = renderer.state, str(values.get("against") or "")
    if name and name not in state.latencies.choices(state.history, state.past):
        raise UsageError(f"There are no latencies named {name!r} to compare with. Choose others from the list.")
    state.latencies.against = name
    renderer.look("Latency")
    return ""


NAVIGATION: dict[str, PanelAction] = {
    "look": _look, "pick": _pick, "narrow": _narrow, "around": _around, "event": _event, "python": _python,
    "module": _module, "keep": _keep, "against": _against,
}  # fmt: skip
