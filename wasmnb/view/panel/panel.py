"""`Panel`: the live view of a proxy. It connects widget, renderer and actions to the proxy and the kernel.

A panel draws between two events of the simulation, outside of callbacks, so that latencies don't include it. While
traffic runs, drawing takes at most 2 % of the time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError, WasmnbError
from wasmnb.traffic.tcp import listeners_of
from wasmnb.view.render.escape import clip, visible

from . import view_data
from .actions import ACTIONS, FILES, NAVIGATION, message_of, options_of, repeat
from .history import History, Past
from .kernel_events import Inbox, Variables, after_each_cell, interruptible
from .latencies import Latencies
from .renderer import Renderer
from .reports import Reports
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
        Panel of an earlier version of the filter (default none). The new panel takes over its list and figures, and the
        earlier panel stays as it is.
    replaced_by
        Name of the new version, such as `cell 8`, which the earlier panel shows (default `another version`).

    Attributes
    ----------
    widget
        The ipywidget.
    cell
        Id of the cell whose output has the panel; None if it is unknown.
    """

    def __init__(self, proxy: Proxy, *, after: Panel | None = None, replaced_by: str = "another version") -> None:
        self.cell: str | None = None
        self._inbox = Inbox(self.perform)
        self.widget = PanelWidget(self._inbox.add)
        if after is None:
            version, past, latencies, reports = 0, Past(), Latencies(), Reports()
        else:
            after.close(f"replaced by {replaced_by}")
            earlier: PanelState = after._state
            version, latencies, reports = earlier.history.version + 1, earlier.latencies, earlier.reports
            past = _keep_figures(earlier)
        self._state: PanelState = PanelState(self.widget, History(proxy, version), past, latencies, reports=reports)
        self._renderer = Renderer(self._state)
        self._due = 0.0
        self._watch(proxy)
        self._stop_after_cells = after_each_cell(self.settle)
        self._variables = Variables(proxy)
        self._shown: Any = None
        self._reports_added = 0
        self.refresh(everything=True)
        self._renderer.send_rows()

    @property
    def proxy(self) -> Proxy:
        """The proxy that the panel shows."""
        return self._state.proxy

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
            Function that starts the new proxy and calls `replace`. It gets a dict of `workers`, `seed` and optionally
            `config`.
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
        last, options, before = (None, {}, {}) if state.restart.from_nothing else self._last_message()
        state.past = _keep_figures(state)
        if state.restart.from_nothing:
            state.past, state.latencies.against, state.reports = Past(), "", Reports()
        elif before:
            state.past.details[before["id"]] = before
        state.history = History(proxy, state.history.version + 1)
        self._variables = Variables(proxy)
        state.selection.around, state.selection.plugin = None, 0
        self._watch(proxy)
        self._renderer.clear()
        if last is not None and ("tcp" if isinstance(last, bytes) else "http") in listeners_of(proxy):
            self._notify(repeat(self._renderer, last, options))
            self.widget.before = {**before, "number": self.widget.picked} if before else {}
        self.refresh(everything=True)
        self._renderer.send_rows()

    def add_report(self, report: Any) -> None:
        """Show a report on traffic in the view *Traffic*: the result of `load`, `replay`, `diff`, `profile` or `fuzz`.

        Parameters
        ----------
        report
            The report, which notebooks can draw.
        """
        from wasmnb.view.mimebundle import document_of

        kind = type(report).__name__.removesuffix("Report").lower()
        source = getattr(report, "traffic", "")
        self._state.reports.add(
            f"{kind} {self._reports_added + 1}{f', {source}' if source else ''}", document_of(report)
        )
        self._reports_added += 1
        self._renderer.refresh_when_idle()

    def refresh(self, *, everything: bool = False) -> None:
        """Update the open view.

        Parameters
        ----------
        everything
            Update the other views as well (default False).
        """
        self._renderer.refresh(everything=everything)

    def settle(self, cell: str = "a later cell") -> None:
        """Update the panel after a cell that changed the proxy; close it if the proxy is closed or replaced.

        Parameters
        ----------
        cell
            Name of the cell: `cell 8`.
        """
        shown = _visible_state(self._state.proxy)
        if shown != self._shown:
            self._shown = shown
            self.refresh()
            self._renderer.refresh_when_idle()
        if self._variables.are_replaced():
            self.close(f"replaced by {cell}")
        elif self._state.proxy.state == "closed":
            self.close()

    def perform(self, name: str, values: dict[str, Any]) -> None:
        """Perform an action of the user; errors are shown at the foot of the panel.

        Parameters
        ----------
        name
            Name of the action.
        values
            Arguments of the action, as the front end sent them.
        """
        try:
            self._check_live(name)
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

    def _check_live(self, name: str) -> None:
        """Raise for an action that changes a proxy that was replaced."""
        if self._state.ended and name not in (*NAVIGATION, *FILES):
            raise UsageError(
                f"The panel can't change this proxy, which was {self._state.ended}. Use the panel of the new version."
            )

    def close(self, reason: str = "") -> None:
        """Stop updating the panel; it keeps its last state.

        Parameters
        ----------
        reason
            Why it is no longer live, such as `replaced by cell 8`. By default, because its proxy is closed.
        """
        self._unwatch()
        self._stop_after_cells()
        self._renderer.close(reason)

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
        proxy.attachments["panel"] = self

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

    def _last_message(self) -> tuple[Request | bytes | None, Mapping[str, Any], Any]:
        """Return the request, or the bytes of a connection, to send again, its options, and its exchange.

        It is the last one from the panel, or else the last of all.
        """
        state = self._state
        exchanges = list(state.proxy.exchanges)
        from_panel = (exchange for exchange in reversed(exchanges) if message_of(exchange) is state.draft.sent)
        exchange = next(from_panel, exchanges[-1] if exchanges else None)
        if exchange is None:
            return state.draft.sent, state.draft.sent_options, {}
        detail = view_data.detail(exchange, state.history.id_of(exchange), state.history.filter_ns(exchange))
        return message_of(exchange), options_of(exchange), detail

    def _notify(self, text: str, *, bad: bool = False) -> None:
        """Show a sentence at the foot."""
        if text:
            self.widget.notice = {"text": clip(visible(text, keep="\n"), 1000), "bad": bad}


def _visible_state(proxy: Proxy) -> Any:
    """Return the state that makes a panel draw again after a cell if it has changed. It includes the clock, faults and log."""
    faults = [cluster.alive for cluster in proxy.clusters.values()], [vm.armed for vm in proxy.vms]
    return proxy.trace.total, proxy.log.written, proxy.now, proxy.state, faults


def _keep_figures(state: PanelState) -> Past:
    """Keep the latencies and the version of a proxy that will be replaced; return the end of its list, with what was before it."""
    state.reports.keep_version(state.proxy, state.history.version + 1)
    past = state.past.followed_by(state.history, state.latencies.figures(state.history))
    if state.history.requests().count:
        state.latencies.against = f"version {state.history.version + 1}"
    return past
