"""`Panel`: the live view of a proxy, which connects the widget and the actions to the proxy and the kernel.

The panel is updated between two events of the simulation and outside of callbacks, so that it doesn't affect latencies. While
requests are sent, updates take at most 2 % of the time.
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
_INTERVAL = 0.5  # minimum number of seconds between two updates while requests are sent
_SHARE = 50  # an update may take 1 / _SHARE of the time


def _unknown(_renderer: Renderer, values: dict[str, Any]) -> str:
    raise UsageError(f"The action {values['action']!r} is unknown. Run the cell again to update the panel.")


class Panel:
    """The live view of a proxy.

    Parameters
    ----------
    proxy
        The proxy to show.
    after
        Panel of an earlier version of the filter (default None). The new panel copies its list and latencies, and the earlier
        panel keeps its last state.
    replaced_by
        Name of the new version, for example `cell 8`, which the earlier panel displays (default `another version`).

    Attributes
    ----------
    widget
        The ipywidget.
    cell
        Id of the cell whose output contains the panel, or None if it is unknown.
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
        """Allow curl commands in this panel to read files, as in `-d @body.json`.

        The kernel reads the files with the permissions of its user. Don't call this in a notebook that you publish.
        """
        self._state.files_allowed = True

    def allow_restart(self, restart: Restart, *, seed: int) -> None:
        """Allow the user to restart the proxy with other settings.

        Parameters
        ----------
        restart
            Function that starts the new proxy and calls `replace`. Its parameter is a dict with `workers`, `seed` and
            optionally `config`.
        seed
            Seed of the current proxy.
        """
        self._state.restart.restart, self._state.restart.seed = restart, seed

    def replace(self, proxy: Proxy) -> None:
        """Show another proxy, which runs the next version of the filter.

        The list keeps the most recent exchanges of the earlier proxy, its latencies are shown for comparison, and the last
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
        """Show a report in the view *Traffic*.

        Parameters
        ----------
        report
            The result of `load`, `replay`, `diff`, `profile` or `fuzz`.
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
            Whether to update the other views as well (default False).
        """
        self._renderer.refresh(everything=everything)

    def settle(self, cell: str = "a later cell") -> None:
        """Update the panel after a cell, if the cell changed the proxy. If it closed or replaced the proxy, close the panel.

        Parameters
        ----------
        cell
            Name of the cell, for example `cell 8` (default `a later cell`).
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
        """Perform an action of the user. Errors are shown at the bottom of the panel.

        Parameters
        ----------
        name
            Name of the action.
        values
            Values of the action, as sent by the front end.
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
            if self._state.traffic_runs:  # the interrupt was meant for the running cell
                raise
            self.refresh(everything=True)
        except Exception as error:  # noqa: BLE001 -- an upstream is the user's code, and may raise anything
            self._notify(f"{type(error).__name__}: {error}", bad=True)
        finally:
            self.widget.send_done()

    def _check_live(self, name: str) -> None:
        """Raise an error if an action would change a proxy that has been closed or replaced."""
        if self._state.ended and name not in (*NAVIGATION, *FILES):
            raise UsageError(
                f"This panel can't change the proxy, which was {self._state.ended or 'closed'}. Use the panel of the new version."
            )

    def close(self, reason: str = "") -> None:
        """Stop updating the panel. It keeps its last state.

        Parameters
        ----------
        reason
            Reason why the panel is no longer live, for example `replaced by cell 8` (default '': the proxy is closed).
        """
        self._unwatch()
        self._stop_after_cells()
        self._renderer.close(reason)

    def live_bundle(self) -> dict[str, Any]:
        """Return the display data of the widget."""
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
        """Process navigation, and update the panel if an update is due. Called between two events of the simulation."""
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
        """Return the request or the bytes to send again after a restart, with its options and its exchange.

        If the panel has sent a request, its last request is returned, otherwise the last request of the proxy.
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
        """Show a sentence at the bottom of the panel. `bad` marks an error."""
        if text:
            self.widget.notice = {"text": clip(visible(text, keep="\n"), 1000), "bad": bad}


def _visible_state(proxy: Proxy) -> Any:
    """Return a summary of a proxy's state, including its clock, faults and log. If it changes, the panel must be updated."""
    faults = [cluster.alive for cluster in proxy.clusters.values()], [vm.armed for vm in proxy.vms]
    return proxy.trace.total, proxy.log.written, proxy.now, proxy.state, faults


def _keep_figures(state: PanelState) -> Past:
    """Store the version and the latencies of a proxy that will be replaced, and return the rows of all earlier versions."""
    state.reports.keep_version(state.proxy, state.history.version + 1)
    past = state.past.followed_by(state.history, state.latencies.figures(state.history))
    if state.history.requests().count:
        state.latencies.against = f"version {state.history.version + 1}"
    return past
