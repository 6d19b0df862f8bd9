"""`Panel`: the live view of a proxy. It connects widget, renderer and actions to the proxy and the kernel.

A panel draws between two events of the simulation, outside of callbacks, so that latencies don't include it. While
traffic runs, drawing takes at most 2 % of the time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError, WasmnbError
from wasmnb.traffic.tcp import listeners_of
from wasmnb.view.render.escape import clip, visible

from . import snapshot
from .actions import ACTIONS, NAVIGATION, message_of, repeat
from .history import History, Past
from .kernel_events import Inbox, after_each_cell, interruptible
from .latencies import Latencies
from .renderer import Renderer
from .state import PanelState
from .widget import PanelWidget

if TYPE_CHECKING:
    from wasmnb.host import Proxy
    from wasmnb.messages import Request

    from .state import Restart

__all__ = ["Panel"]

_MIME_TYPE = "application/vnd.jupyter.widget-view+json"
_INTERVAL = 0.5  # seconds between two drawings while traffic runs
_SHARE = 50  # a drawing may take one part in this number of the time


def _unknown(_renderer: Renderer, values: dict[str, Any]) -> str:
    raise UsageError(f"Unknown action {values['action']!r}.")


class Panel:
    """The live view of a proxy.

    Parameters
    ----------
    proxy
        The proxy to show.
    after
        Panel of an earlier version of the filter. The new panel takes over its list and figures, and the earlier panel
        stays as it is. Default: none.

    Attributes
    ----------
    widget
        The ipywidget.
    cell
        Id of the cell whose output has the panel; None if it is unknown.
    """

    def __init__(self, proxy: Proxy, *, after: Panel | None = None) -> None:
        self.cell: str | None = None
        self._inbox = Inbox(self.perform)
        self.widget = PanelWidget(self._inbox.add)
        if after is None:
            version, past, latencies = 0, Past(), Latencies()
        else:
            after.close()
            earlier: PanelState = after._state
            version, past, latencies = earlier.history.version + 1, earlier.past, earlier.latencies
            _keep_figures(earlier)
        self._state: PanelState = PanelState(self.widget, History(proxy, version), past, latencies)
        self._renderer = Renderer(self._state)
        self._due = 0.0
        self._watch(proxy)
        self._stop_after_cells = after_each_cell(self.settle)
        self.refresh(everything=True)
        self._renderer.send_rows()

    def allow_files(self) -> None:
        """Let curl commands that are entered in this panel name files, as in `-d @body.json`.

        The kernel reads them with the rights of its user. Don't allow it in a notebook that you publish.
        """
        self._state.files_allowed = True

    def allow_restart(self, restart: Restart, *, seed: int) -> None:
        """Let the user restart the proxy with other settings.

        Parameters
        ----------
        restart
            Called with a dict of `workers`, `seed` and optionally `config`; it must call `replace`.
        seed
            The seed of the current proxy.
        """
        self._state.restart.restart, self._state.restart.seed = restart, seed

    def replace(self, proxy: Proxy) -> None:
        """Show another proxy, the next version of the filter.

        The list keeps the newest exchanges of the earlier proxy, its latencies are drawn for comparison, and the last
        request is sent again.

        Parameters
        ----------
        proxy
            The new proxy.
        """
        self._unwatch()
        state = self._state
        state.history.read()
        last, before = (None, {}) if state.restart.from_nothing else self._last_message()
        _keep_figures(state)
        if state.restart.from_nothing:
            state.past, state.latencies.against = Past(), ""
        elif before:
            state.past.details[before["id"]] = before
        state.history = History(proxy, state.history.version + 1)
        state.selection.around, state.selection.plugin = None, 0
        self._watch(proxy)
        self._renderer.clear()
        if last is not None and ("tcp" if isinstance(last, bytes) else "http") in listeners_of(proxy):
            self._notify(repeat(self._renderer, last))
            self.widget.before = {**before, "number": self.widget.picked} if before else {}
        self.refresh(everything=True)
        self._renderer.send_rows()

    def refresh(self, *, everything: bool = False) -> None:
        """Update the open view.

        Parameters
        ----------
        everything
            Update the other views as well. Default: false.
        """
        self._renderer.refresh(everything=everything)

    def settle(self) -> None:
        """Update the panel after a cell; close it if the proxy is closed."""
        if self._state.history.is_stale:
            self.refresh()
            self._renderer.refresh_when_idle()
        if self._state.proxy.state == "closed":
            self.close()

    def perform(self, name: str, values: dict[str, Any]) -> None:
        """Perform an action of the user; errors are shown at the foot of the panel.

        Parameters
        ----------
        name
            Name of the action.
        values
            Its arguments, as the front end has sent them.
        """
        try:
            with interruptible():
                notice = ACTIONS.get(name, _unknown)(self._renderer, {**values, "action": name})
            self._notify(notice)
        except (WasmnbError, ValueError, OSError) as error:
            self._notify(str(error), bad=True)
        except KeyboardInterrupt:
            self._notify("interrupted", bad=True)
            if self._state.traffic_runs:  # the interrupt is for the running cell
                raise
            self.refresh(everything=True)
        except Exception as error:  # noqa: BLE001 -- an upstream is the user's code, and may raise anything
            self._notify(f"{type(error).__name__}: {error}", bad=True)
        finally:
            self.widget.send_done()

    def close(self) -> None:
        """Stop updating the panel; it keeps its last state."""
        self._unwatch()
        self._stop_after_cells()
        self._renderer.close()

    def live_bundle(self) -> dict[str, Any]:
        """Return the widget's part of the display data."""
        self.refresh(everything=True)
        self._renderer.send_rows()
        display: Any = self.widget._repr_mimebundle_()
        bundle = display[0] if isinstance(display, tuple) else display
        return {_MIME_TYPE: bundle[_MIME_TYPE]} if bundle and _MIME_TYPE in bundle else {}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from wasmnb.view.mimebundle import static_bundle

        return {**static_bundle(self._state.proxy), **self.live_bundle()}

    def _watch(self, proxy: Proxy) -> None:
        self._unwatch = proxy.watch(self._tick)
        proxy._panel = self  # type: ignore[attr-defined]

    def _tick(self) -> None:
        """Draw if it is time to, and let the user navigate; called between events of the simulation."""
        now = time.monotonic()
        if now < self._due and not self._inbox.messages:
            return
        self._state.traffic_runs = True
        try:
            self._inbox.process(NAVIGATION)
            if now >= self._due:
                self.refresh()
                ended = time.monotonic()
                self._due = max(now + _INTERVAL, ended + _SHARE * (ended - now))
        finally:
            self._state.traffic_runs = False

    def _last_message(self) -> tuple[Request | bytes | None, Any]:
        """Return the request, or the bytes of a connection, to send again, and its exchange.

        It is the last one from the panel, or else the last of all.
        """
        state = self._state
        exchanges = list(state.proxy.exchanges)
        from_panel = (x for x in reversed(exchanges) if message_of(x) is state.draft.sent)
        exchange = next(from_panel, exchanges[-1] if exchanges else None)
        if exchange is None:
            return state.draft.sent, {}
        return message_of(exchange), snapshot.detail(exchange, state.history.id_of(exchange))

    def _notify(self, text: str, *, bad: bool = False) -> None:
        """Show a sentence at the foot."""
        if text:
            self.widget.notice = {"text": clip(visible(text, keep="\n"), 1000), "bad": bad}


def _keep_figures(state: PanelState) -> None:
    """Keep the end of the list and the latencies of a proxy that will be replaced."""
    state.past.add(state.history, state.latencies.figures(state.history))
    if state.history.requests().count:
        state.latencies.against = f"version {state.history.version + 1}"
