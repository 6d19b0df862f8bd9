"""`Panel`: fills the widget from a proxy, and does what the user wishes.

Drawing happens between two events of the simulation, outside any callback, so that it is in nobody's latency; and at
most so often that it costs a fifteenth of the time (four times a second if that is less).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError, WasmnbError
from wasmnb.traffic.harness import measure_harness
from wasmnb.view.escape import clip, visible

from . import snapshot
from .cells import after_each_cell
from .history import KEPT, History, Past
from .spans import callouts, pauses
from .widget import PanelWidget
from .wishes import WISHES

if TYPE_CHECKING:
    from wasmnb.host import Proxy
    from wasmnb.messages import Request
    from wasmnb.traffic.harness import Harness

__all__ = ["Panel", "Remake"]

#: Makes the same proxy again with other settings (workers, seed, config).
Remake = Callable[[dict[str, Any]], Any]

_KIND = "application/vnd.jupyter.widget-view+json"
_EVERY = 0.25  # seconds between two drawings while traffic runs
_SHARE = 15  # a drawing may cost one part in so many
_LIVE_ROWS = 500
_LINES = 500


class Panel:
    """The live view of a proxy.

    Parameters
    ----------
    proxy
        What to show.
    after
        Panel of the version of the filter that this one replaces: its figures and the end of its list are taken over, and
        it stays as it is.

    Attributes
    ----------
    widget
        The ipywidget.
    remake
        Starts the filter anew with other settings; without it the panel cannot change workers and seed.
    place
        Identity of the cell that it is shown in, if that is known.
    """

    def __init__(self, proxy: Proxy, *, after: Panel | None = None) -> None:
        self.remake: Remake | None = None
        self.place: str | None = None
        self.view = "Exchanges"
        self.settings: dict[str, Any] = {}
        self.past = Past()
        #: The request that was last sent from the panel; it is sent again when the filter is replaced.
        self.sent: Request | None = None
        self._harness: Harness | None = None
        self._due = 0.0
        self.widget = PanelWidget(self.wish)
        version = 0
        if after is not None:
            after.close()
            version, self._harness = after.history.version + 1, after._harness
            self._inherit(after)
        self._attach(History(proxy, version))
        self._forget_cells = after_each_cell(self.settle)
        self.refresh(everything=True)

    def _inherit(self, before: Panel) -> None:
        """Take over what the version before leaves: the end of its list, and its latencies as the baseline."""
        self.past.rows, self.past.details = before.past.rows, before.past.details
        self.past.take(before.history)
        self.widget.baseline = before.latency() if before.history.requests.count else {}

    def _attach(self, history: History) -> None:
        self.history, self.proxy = history, history.proxy
        self._stop = self.proxy.watch(self.tick)
        self.proxy._panel = self  # type: ignore[attr-defined]

    def replace(self, proxy: Proxy) -> None:
        """Show another proxy, the next version of the filter, in the same place.

        The list keeps the end of the old version's exchanges, its latency stands outlined behind the new one's, and the
        request that was last sent from the panel is sent again, its answer beside the one before.
        """
        self._stop()
        self.history.read()
        self._inherit(self)
        self.widget.module = {}
        before = self.past.details.get(self.widget.picked or -1, {})
        self._attach(History(proxy, self.history.version + 1))
        if self.sent is not None:
            self.say(WISHES["again"](self, {"request": self.sent}))
            self.widget.before = {**before, "number": self.widget.picked} if before else {}
        self.refresh(everything=True)

    def settle(self) -> None:
        """Show how things stand when a cell is done; watch no longer once the proxy is closed."""
        if self.history.stale():
            self.refresh(everything=True)
        if self.proxy.state == "closed":
            self.close()

    # -- drawing --------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Draw, if it is time to; called between events."""
        now = time.monotonic()
        if now >= self._due:
            self.refresh()
            self._due = max(now + _EVERY, time.monotonic() + _SHARE * (time.monotonic() - now))

    def refresh(self, *, everything: bool = False) -> None:
        """Bring the traits up to date: head, tree, rows and the view looked at, or everything."""
        self.history.read()
        widget = self.widget
        with widget.hold_sync():
            if self.proxy.state != "closed":  # what a proxy was like while it lived is worth more than empty threads
                widget.head = self._head()
                widget.tree = snapshot.tree(self.proxy.tree())
            limit = KEPT if everything else _LIVE_ROWS
            rows = [*self.history.rows(limit), *self.past.rows][:KEPT]
            widget.rows = {"total": self.history.total, "version": self.history.version, "rows": rows}
            for view, fill in self._views().items():
                # The module's facts cost the making of the file; they are for those who look.
                if view == self.view or (everything and view != "Module"):
                    fill()

    def _views(self) -> dict[str, Callable[[], None]]:
        return {
            "Exchanges": self._show_picked,
            "Timeline": self._show_lanes,
            "Latency": self._show_latency,
            "State": self._show_state,
            "Log": self._show_log,
            "Module": self._show_module,
        }

    def look(self, view: str) -> None:
        """The user looks at another view."""
        self.view = view if view in self._views() else "Exchanges"
        self.refresh()

    def _head(self) -> dict[str, Any]:
        proxy = self.proxy
        upstream = proxy.clusters.get("upstream")
        return {
            "name": snapshot.shown(proxy.name, 80),
            "state": proxy.state,
            "summary": f"{len(proxy.workers)} workers · {len(proxy.vms)} VMs · {self.history.total:,} exchanges",
            "clock": f"virtual time {proxy.now:,.3f} s",
            "workers": len(proxy.workers),
            "config": snapshot.shown(proxy.plugins[0].config, 4000) if proxy.plugins else "",
            "upstream_down": upstream is not None and not upstream.alive,
            "remake": self.remake is not None,
            **self.settings,
        }

    def _show_picked(self) -> None:
        if self.widget.picked is None and self.proxy.exchanges:
            self.widget.picked = self.history.id_of(self.proxy.exchanges[-1])
        self.pick(self.widget.picked)

    def pick(self, row_id: int | None) -> None:
        """Show one exchange."""
        self.widget.picked = row_id
        found = self.history.find(row_id) if row_id is not None else None
        if found is not None:
            self.widget.detail = {**snapshot.detail(found), "id": row_id}
        elif row_id in self.past.details:
            self.widget.detail = {**self.past.details[row_id], "id": row_id}
        elif row_id is not None:
            self.widget.detail = {"id": row_id, "gone": True}

    def _show_lanes(self) -> None:
        proxy, trace = self.proxy, self.proxy.trace
        events = trace[-snapshot.BARS :]
        threads = {vm.number: vm.thread.name for vm in proxy.vms}
        lasting = [*pauses(events, proxy.now), *callouts(proxy.callouts[-1000:], threads, proxy.now)]
        self.widget.lanes = snapshot.lanes(events, trace.made, lasting)

    def latency(self) -> Any:
        """Distributions of this version so far."""
        if self._harness is None:
            self._harness = measure_harness(rounds=3, calls=500)
        harness = (("empty callback", self._harness.callback_ns), ("empty hostcall", self._harness.hostcall_ns))
        return snapshot.latency(self.history.distributions(), harness)

    def _show_latency(self) -> None:
        if self.history.requests.count:
            self.widget.latency = self.latency()

    def _show_state(self) -> None:
        if self.proxy.state != "closed":
            self.widget.shared = snapshot.state(self.proxy)

    def _show_log(self) -> None:
        log = self.proxy.log
        self.widget.log = {"total": len(log), "lines": [snapshot.line(entry) for entry in log[-_LINES:]]}

    def _show_module(self) -> None:
        if not self.widget.module and self.proxy.plugins:
            self.widget.module = snapshot.module(self.proxy.plugins[0])

    # -- wishes ---------------------------------------------------------------------------------------------------

    def wish(self, name: str, values: dict[str, Any]) -> None:
        """Do what the front-end asks for; what goes wrong is said at the foot of the panel."""
        try:
            if name not in WISHES:
                raise UsageError(f"the panel does not know {name!r}")
            self.say(WISHES[name](self, values))
        except (WasmnbError, ValueError, OSError) as error:
            self.say(str(error), bad=True)

    def say(self, text: str, *, bad: bool = False) -> None:
        """Put a sentence at the foot."""
        if text:
            self.widget.notice = {"text": clip(visible(text, keep="\n"), 1000), "bad": bad}

    def close(self) -> None:
        """Watch no longer; what is shown stays, as the state that it was left in."""
        self._stop()
        self._forget_cells()
        self.refresh(everything=True)
        self.widget.head = {**self.widget.head, "state": "closed"}

    # -- showing itself -------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The live widget, and the same as HTML and text for readers that have no kernel."""
        from wasmnb.view.bundle import static_bundle

        return {**static_bundle(self.proxy), **self.live_bundle()}

    def live_bundle(self) -> dict[str, Any]:
        """The widget's own part of a MIME bundle."""
        self.refresh(everything=True)
        made: Any = self.widget._repr_mimebundle_()
        bundle = made[0] if isinstance(made, tuple) else made
        return {_KIND: bundle[_KIND]} if bundle and _KIND in bundle else {}
