"""`Panel`: fills the widget from a proxy, and does what the user wishes.

Drawing happens between two events of the simulation, outside any callback, so that it is in nobody's latency; and at
most so often that it costs a fiftieth of the time (twice a second if that is less).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError, WasmnbError
from wasmnb.view.render.escape import clip, visible
from wasmnb.view.render.units import plural

from . import snapshot
from .actions import ACTIONS, LOOKING
from .history import KEPT, History, Past
from .kernel_events import Idle, Inbox, after_each_cell, interruptible
from .scope import Scope
from .views import NARROWED, VIEWS, Latencies, read_python
from .widget import PanelWidget

if TYPE_CHECKING:
    from wasmnb.host import Proxy
    from wasmnb.messages import Request

__all__ = ["Panel", "Remake"]

#: Makes the same proxy again with other settings (workers, seed, config).
Remake = Callable[[dict[str, Any]], Any]

_KIND = "application/vnd.jupyter.widget-view+json"
_EVERY = 0.5  # seconds between two drawings while traffic runs
_SHARE = 50  # a drawing may cost one part in so many


def _counts(proxy: Proxy, exchanges: int) -> list[str]:
    return [plural(len(proxy.workers), "worker"), plural(len(proxy.vms), "VM"), plural(exchanges, "exchange")]


def _unknown(_panel: Panel, values: dict[str, Any]) -> str:
    raise UsageError(f"the panel does not know {values['action']!r}")


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
    view, scope
        What the user looks at, and what that is narrowed to.
    plugin
        Place in the chain of the plugin whose module is shown.
    around
        Exchange that the timeline is drawn around; None: its newest events.
    sent, upload
        The request that was last sent from the panel, and the file that is to be the next one's body.
    follows
        The user has chosen no exchange yet: the newest one is shown.
    running
        Traffic runs meanwhile.
    """

    def __init__(self, proxy: Proxy, *, after: Panel | None = None) -> None:
        self.remake: Remake | None = None
        self.cell: str | None = None
        self.view = "Exchanges"
        self.scope = Scope()
        self.around: int | None = None
        self.plugin = 0
        self.settings: dict[str, Any] = {}
        self.past = Past()
        self.sent: Request | None = None
        self.upload = bytearray()
        self.follows = True
        self.running = False
        self._fresh_start = False
        self._due = 0.0
        self._inbox = Inbox(self.perform)
        self.widget = PanelWidget(self._inbox.take)
        self.latencies = Latencies()
        version = 0
        if after is not None:
            after.close()
            version = after.history.version + 1
            self._inherit(after)
        self._attach(History(proxy, version))
        self._forget_cells = after_each_cell(self.settle)
        # Views that nobody looks at are filled when there is time for it, so that they outlive the kernel.
        self._idle = Idle(lambda: self.refresh(everything=True))
        self._narrowed = Idle(self._fill_narrowed)
        self.refresh(everything=True)
        self.send_rows()

    def _inherit(self, before: Panel) -> None:
        """Take over what the version before leaves: the end of its list, and its latencies to compare with."""
        if before is not self:
            self.past, self.latencies = before.past, before.latencies
        self.past.take(before.history, self.latencies.of(before.history))
        if before.history.requests().count:
            self.latencies.against = f"version {before.history.version + 1}"

    def _attach(self, history: History) -> None:
        self.history, self.proxy = history, history.proxy
        self._stop = self.proxy.watch(self.tick)
        self.proxy._panel = self  # type: ignore[attr-defined]

    # -- versions of the filter -----------------------------------------------------------------------------------

    def replace(self, proxy: Proxy) -> None:
        """Show another proxy, the next version of the filter, in the same place.

        The list keeps the end of the old version's exchanges, its latency stands outlined behind the new one's, and the
        last request is sent again, its answer beside the one before.
        """
        self._stop()
        self.history.read()
        last, before = (None, {}) if self._fresh_start else self._last()
        self._inherit(self)
        if self._fresh_start:
            self.past, self.latencies.against = Past(), ""
        elif before:
            self.past.details[before["id"]] = before
        self._attach(History(proxy, self.history.version + 1))
        self.around, self.plugin = None, 0
        self._clear()
        if last is not None:
            self.say(ACTIONS["again"](self, {"request": last}))
            self.widget.before = {**before, "number": self.widget.picked} if before else {}
        self.refresh(everything=True)
        self.send_rows()

    def _last(self) -> tuple[Request | None, Any]:
        """What to send again, and to compare with: the request that was sent from here, or else the last of all."""
        requests = [x for x in self.proxy.exchanges if hasattr(x, "request")]
        sent = next((x for x in reversed(requests) if x.request is self.sent), requests[-1] if requests else None)
        if sent is None:
            return self.sent, {}
        return sent.request, snapshot.detail(sent, self.history.id_of(sent))

    def _clear(self) -> None:
        """Forget what was shown of the version before."""
        widget = self.widget
        with widget.hold_sync():
            widget.module, widget.python, widget.before, widget.event, widget.detail = {}, {}, {}, {}, {}
            widget.picked = None

    def start_afresh(self, remake: Callable[[], Any]) -> None:
        """Replace the proxy without keeping anything of it."""
        self._fresh_start = True
        try:
            remake()
        finally:
            self._fresh_start = False

    def settle(self) -> None:
        """Show how things stand when a cell is done; watch no longer once the proxy is closed."""
        if self.history.stale():
            self.refresh()
            self._idle.soon()
        if self.proxy.state == "closed":
            self.close()

    # -- drawing --------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Draw, if it is time to, and let the user look around; called between events."""
        now = time.monotonic()
        if now < self._due and not self._inbox.waiting:
            return
        self.running = True
        try:
            self._inbox.serve(LOOKING)
            if now >= self._due:
                self.refresh()
                ended = time.monotonic()
                self._due = max(now + _EVERY, ended + _SHARE * (ended - now))
        finally:
            self.running = False

    def refresh(self, *, everything: bool = False) -> None:
        """Bring the front-end up to date: head, tree, new rows and the view looked at, or everything."""
        self.history.read()
        widget = self.widget
        with widget.hold_sync():
            if self.proxy.state != "closed":  # what a proxy was like while it lived is worth more than empty threads
                widget.head = self._head()
                widget.tree = self._tree()
            for view, fill in VIEWS.items():
                # The module's facts cost the making of the file; they are for those who look.
                if view == self.view or (everything and view != "Module"):
                    fill(self)
            if everything and self.view == "State":
                read_python(self)
        news = self.history.news()
        if news:
            widget.give_rows(news, total=self.history.total, version=self.history.version)

    def send_rows(self) -> None:
        """Send the whole list: to a front-end that has just begun to look, or when the filter was replaced."""
        text = ",".join([*self.history.rows(), *self.past.rows][:KEPT])
        self.widget.rows = {"total": self.history.total, "version": self.history.version, "text": f"[{text}]"}

    def _tree(self) -> Any:
        live = {x.number: x for x in self.history.unfinished()}
        return snapshot.tree(self.proxy.tree(), live, self.proxy.callouts if live else ())

    def _head(self) -> dict[str, Any]:
        proxy = self.proxy
        trace, log = proxy.trace, proxy.log
        return {
            "name": snapshot.shown(proxy.name, 80),
            "state": proxy.state,
            "summary": " · ".join(_counts(proxy, self.history.total)),
            "clock": f"virtual time {proxy.now:,.3f} s",
            "workers": len(proxy.workers),
            "plugins": [[snapshot.shown(p.name, 80), snapshot.shown(p.config, 4000)] for p in proxy.plugins[:50]],
            "clusters": [[snapshot.shown(n, 80), c.alive] for n, c in list(proxy.clusters.items())[:50]],
            "callbacks": self._callbacks(),
            "dropped": {"trace": trace.dropped, "log": log.written - len(log)},
            "kept": {"trace": len(trace), "log": len(log)},
            "remake": self.remake is not None,
            **self.settings,
        }

    def _callbacks(self) -> list[str]:
        """Callbacks that can be made to trap."""
        vm = next((vm for vm in self.proxy.vms if vm.role == "worker"), None)
        return [] if vm is None else sorted(name for name, invoke in vm.callbacks.items() if invoke is not None)

    def look(self, view: str) -> None:
        """The user looks at another view."""
        self.view = view if view in VIEWS else "Exchanges"
        self.refresh()
        if self.view == "State":
            read_python(self)

    def narrow(self, scope: Scope) -> None:
        """The user narrows the views to a part of what there is."""
        self.scope = scope
        chosen = scope.plugin(self.proxy)
        if chosen is not None:
            self.plugin = next((i for i, p in enumerate(self.proxy.plugins) if p is chosen), self.plugin)
        if self.view in NARROWED:
            VIEWS[self.view](self)
        self._narrowed.soon()  # what nobody looks at has time

    def _fill_narrowed(self) -> None:
        for view in NARROWED:
            if view not in (self.view, "Module"):
                VIEWS[view](self)

    def pick(self, row_id: int | None) -> None:
        """Show one exchange."""
        with self.widget.hold_sync():  # one message: each costs the front-end milliseconds
            self.widget.picked = row_id
            if row_id is not None:
                self.widget.detail = self._detail(row_id)

    def _detail(self, row_id: int) -> Any:
        found, shown = self.history.find(row_id), self.widget.detail
        if found is None:
            return self.past.details.get(row_id, {"id": row_id, "gone": True})
        if found.done and shown.get("final") and shown["id"] == row_id:
            return shown  # it will never be different
        return snapshot.detail(found, row_id, self._explained(found))

    def _explained(self, exchange: Any) -> list[str]:
        if self.proxy.state == "closed" or exchange.state not in ("paused", "open", "failed"):
            return []
        return self.proxy.explain(exchange.number).lines if len(exchange.first_events(1000)) < 1000 else []

    # -- wishes ---------------------------------------------------------------------------------------------------

    def perform(self, name: str, values: dict[str, Any]) -> None:
        """Do what the front-end asks for; what goes wrong is said at the foot of the panel."""
        try:
            with interruptible():
                said = ACTIONS.get(name, _unknown)(self, {**values, "action": name})
            self.say(said)
        except (WasmnbError, ValueError, OSError) as error:
            self.say(str(error), bad=True)
        except KeyboardInterrupt:
            self.say("interrupted", bad=True)
            if self.running:  # it was meant for the cell that runs
                raise
            self.refresh(everything=True)
        except Exception as error:  # noqa: BLE001 -- an upstream is the user's code, and may raise whatever it likes
            self.say(f"{type(error).__name__}: {error}", bad=True)
        finally:
            self.widget.give_answer()

    def say(self, text: str, *, bad: bool = False) -> None:
        """Put a sentence at the foot."""
        if text:
            self.widget.notice = {"text": clip(visible(text, keep="\n"), 1000), "bad": bad}

    def close(self) -> None:
        """Watch no longer; what is shown stays, as the state that it was left in."""
        self._stop()
        self._forget_cells()
        self._idle.cancel()
        self._narrowed.cancel()
        self.refresh(everything=True)
        self.widget.head = {**self.widget.head, "state": "closed"}

    # -- showing itself -------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The live widget, and the same as HTML and text for readers that have no kernel."""
        from wasmnb.view.mimebundle import static_bundle

        return {**static_bundle(self.proxy), **self.live_bundle()}

    def live_bundle(self) -> dict[str, Any]:
        """The widget's own part of a MIME bundle."""
        self.refresh(everything=True)
        self.send_rows()
        made: Any = self.widget._repr_mimebundle_()
        bundle = made[0] if isinstance(made, tuple) else made
        return {_KIND: bundle[_KIND]} if bundle and _KIND in bundle else {}
