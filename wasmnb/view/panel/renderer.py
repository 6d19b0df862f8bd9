"""The renderer, which updates the traits of the widget from the proxy and the user's selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmnb.traffic.tcp import listeners_of
from wasmnb.view.render.units import plural

from . import view_data
from .history import KEPT
from .kernel_events import Idle
from .state import PanelState
from .views import NARROWED, SLOW, VIEWS, pick, read_python

if TYPE_CHECKING:
    from .scope import Scope

__all__ = ["Renderer"]


class Renderer:
    """The part of a panel that updates its widget.

    Parameters
    ----------
    state
        The state of the panel.
    """

    def __init__(self, state: PanelState) -> None:
        self.state = state
        # Views that aren't open are filled when the kernel is idle, so that a saved notebook contains them.
        self._everything = Idle(lambda: self.refresh(everything=True))
        self._narrowed = Idle(self._fill_narrowed)

    def refresh(self, *, everything: bool = False) -> None:
        """Update the head, the context tree, new rows and the open view.

        Parameters
        ----------
        everything
            Whether to update the other views as well, except slow ones (default False).
        """
        state = self.state
        state.history.read()
        widget, selection = state.widget, state.selection
        with widget.hold_sync():
            if state.proxy.state != "closed":  # keep the last state of a closed proxy
                widget.head = self._head()
                widget.tree = self._tree()
            for view, fill in VIEWS.items():
                if view == selection.view or (everything and view not in SLOW):
                    fill(state)
            if everything and selection.view == "State":
                read_python(state)
        rows = state.history.changed_rows()
        if rows:
            widget.send_changed_rows(rows, total=state.history.total, version=state.history.version)

    def refresh_when_idle(self) -> None:
        """Update all views when the kernel is idle."""
        self._everything.call_later()

    def send_rows(self) -> None:
        """Send the complete list of exchanges. Needed for a new front end or a new proxy."""
        history, past = self.state.history, self.state.past
        text = ",".join([*history.rows(), *past.rows][:KEPT])
        self.state.widget.rows = {"total": history.total, "version": history.version, "text": f"[{text}]"}

    def look(self, view: str) -> None:
        """Open a view. An unknown name opens the list of exchanges."""
        selection = self.state.selection
        selection.view = view if view in VIEWS else "Exchanges"
        if self.state.ended is not None:  # the other views already contain the last state
            if selection.view in SLOW:
                VIEWS[selection.view](self.state)
            return
        self.refresh()
        if selection.view == "State":
            read_python(self.state)

    def narrow(self, scope: Scope) -> None:
        """Limit the views to a part of the proxy."""
        selection, plugins = self.state.selection, self.state.proxy.plugins
        selection.scope = scope
        plugin = scope.plugin(self.state.proxy)
        if plugin is not None:
            selection.plugin = next((i for i, p in enumerate(plugins) if p is plugin), selection.plugin)
        if selection.view in NARROWED:
            VIEWS[selection.view](self.state)
        self._narrowed.call_later()

    def pick(self, row_id: int | None) -> None:
        """Show the details of the exchange with this row id. If it is None, no exchange is shown."""
        pick(self.state, row_id)

    def clear(self) -> None:
        """Clear the traits that contain data of the earlier proxy."""
        widget = self.state.widget
        with widget.hold_sync():
            widget.module, widget.python, widget.before, widget.event, widget.detail, widget.start = (
                {},
                {},
                {},
                {},
                {},
                {},
            )
            widget.picked = None

    def close(self, reason: str = "") -> None:
        """Show the last state of the proxy, and stop updates.

        Parameters
        ----------
        reason
            Reason why the panel is no longer live (default '': the proxy is closed).
        """
        self._everything.cancel()
        self._narrowed.cancel()
        self.refresh(everything=True)
        self.state.ended = reason
        self.state.widget.head = {**self.state.widget.head, "state": "closed", "reason": reason}

    def _fill_narrowed(self) -> None:
        for view in NARROWED:
            if view not in (self.state.selection.view, "Module"):
                VIEWS[view](self.state)

    def _tree(self) -> Any:
        proxy = self.state.proxy
        live = {exchange.number: exchange for exchange in self.state.history.unfinished()}
        return view_data.tree(proxy.tree(), live, proxy.callouts if live else ())

    def _head(self) -> dict[str, Any]:
        proxy, restart = self.state.proxy, self.state.restart
        trace, log, text = proxy.trace, proxy.log, view_data.printable
        counts = ((len(proxy.workers), "worker"), (len(proxy.vms), "VM"), (self.state.history.total, "exchange"))
        earlier = len(self.state.past.rows)
        return {
            "name": text(proxy.name, 80),
            "state": "closed" if self.state.ended is not None else proxy.state,
            "reason": self.state.ended or "",
            "summary": " · ".join(plural(number, noun) for number, noun in counts)
            + (f" (and {earlier:,} of earlier versions)" if earlier else ""),
            "faults": [f"{vm.thread.name}: {vm.armed_text}" for vm in proxy.vms if vm.armed and not vm.failed],
            "clock": f"virtual time {proxy.now:,.3f} s",
            "workers": len(proxy.workers),
            "listeners": listeners_of(proxy),
            "plugins": [[text(p.name, 80), text(p.config, 4000)] for p in proxy.plugins[:50]],
            "clusters": [[text(n, 80), c.alive] for n, c in list(proxy.clusters.items())[:50]],
            "callbacks": self._callbacks(),
            "dropped": {"trace": trace.dropped, "log": log.written - len(log)},
            "kept": {"trace": len(trace), "log": len(log)},
            "restart": restart.restart is not None,
            **({} if restart.seed is None else {"seed": restart.seed}),
        }

    def _callbacks(self) -> list[str]:
        """Return the names of the callbacks for which a trap can be injected."""
        vm = next((vm for vm in self.state.proxy.vms if vm.role == "worker"), None)
        return [] if vm is None else sorted(name for name, invoke in vm.callbacks.items() if invoke is not None)
