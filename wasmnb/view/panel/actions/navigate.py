"""Looking: which view, which exchange, which part of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmnb.errors import UsageError
from wasmnb.view.panel import snapshot
from wasmnb.view.panel.scope import Scope
from wasmnb.view.panel.views import read_python

from .arguments import Action, Values, exchange_of, number

if TYPE_CHECKING:
    from wasmnb.view.panel.panel import Panel

__all__ = ["LOOKING"]


def _look(panel: Panel, values: Values) -> str:
    """Another view; a front-end that has just begun to look wants the whole list, too."""
    panel.look(str(values.get("view")))
    if values.get("fresh"):
        panel.send_rows()
    return ""


def _pick(panel: Panel, values: Values) -> str:
    panel.follows = False
    panel.pick(number(values.get("exchange"), "exchange"))
    return ""


def _narrow(panel: Panel, values: Values) -> str:
    panel.narrow(Scope.read(values))
    return ""


def _around(panel: Panel, values: Values) -> str:
    """The timeline around an exchange, or (none given) its newest events again."""
    if values.get("exchange") is None:
        panel.around = None
    else:
        exchange_of(panel, values)
        panel.around = number(values["exchange"], "exchange")
    panel.look("Timeline")
    return ""


def _event(panel: Panel, values: Values) -> str:
    """A callback of the timeline with its arguments decoded."""
    found = panel.proxy.trace.find(number(values.get("seq"), "seq"))
    if not found:
        raise UsageError("that event is no longer in the trace")
    panel.widget.event = snapshot.call(found[0], found[1:])
    return ""


def _python(panel: Panel, _values: Values) -> str:
    """Read the Python of every worker, however many there are."""
    read_python(panel, everywhere=True)
    return ""


def _module(panel: Panel, values: Values) -> str:
    """The module of another plugin of the chain."""
    place = number(values.get("plugin"), "plugin")
    if not 0 <= place < len(panel.proxy.plugins):
        raise UsageError(f"there is no plugin {place}")
    panel.plugin = place
    panel.look("Module")
    return ""


def _keep(panel: Panel, _values: Values) -> str:
    """Keep the present figures, to compare with."""
    panel.history.read()
    panel.latencies.kept = panel.latencies.of(panel.history, panel.scope)
    return _against(panel, {"against": "kept figures"}) or "later figures are laid over the present ones"


def _against(panel: Panel, values: Values) -> str:
    """Lay other figures over these, or (none named) nothing."""
    wanted = str(values.get("against") or "")
    if wanted and wanted not in panel.latencies.choices(panel):
        raise UsageError(f"there are no figures of {wanted!r} to compare with")
    panel.latencies.against = wanted
    panel.look("Latency")
    return ""


LOOKING: dict[str, Action] = {
    "look": _look, "pick": _pick, "narrow": _narrow, "around": _around, "event": _event, "python": _python,
    "module": _module, "keep": _keep, "against": _against,
}  # fmt: skip
