"""The state of a panel: the proxy's history, the user's selection, the request form, and the settings for a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .history import History, Past
from .latencies import Latencies
from .reports import Reports
from .scope import Scope
from .widget import PanelWidget

if TYPE_CHECKING:
    from wasmnb.host import Proxy
    from wasmnb.messages import Request

__all__ = ["Draft", "PanelState", "RestartSettings", "Selection"]

#: Function that starts the same filter again with other settings: `workers`, `seed` and `config`.
Restart = Callable[[dict[str, Any]], Any]


@dataclass
class Selection:
    """The user's selection of what the panel shows.

    Attributes
    ----------
    view
        Name of the open view.
    scope
        Part of the proxy that the views show (default: the whole proxy).
    around
        Row id of the exchange that the timeline shows, or None for the most recent events.
    plugin
        Index of the plugin whose module is shown.
    follow
        Whether to show the most recent exchange, because the user hasn't selected one.
    """

    view: str = "Exchanges"
    scope: Scope = field(default_factory=Scope)
    around: int | None = None
    plugin: int = 0
    follow: bool = True


@dataclass
class Draft:
    """The contents of the request form, and the last message that was sent with it.

    Attributes
    ----------
    sent
        The last request or bytes that were sent from the panel.
    sent_options
        Options of `proxy.request` with which the last request was sent.
    upload
        Contents of the file to send as the body of the next request.
    options
        Options of the request that was loaded into the form, for which the form has no fields.
    """

    sent: Request | bytes | None = None
    sent_options: Mapping[str, Any] = field(default_factory=dict)
    upload: bytearray = field(default_factory=bytearray)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class RestartSettings:
    """Settings for restarting the proxy.

    Attributes
    ----------
    restart
        Function that starts the filter with other settings, or None if the panel can't restart it.
    seed
        Seed of the current proxy, or None if it is unknown.
    from_nothing
        Whether the list of exchanges is cleared on the next restart.
    """

    restart: Restart | None = None
    seed: int | None = None
    from_nothing: bool = False


@dataclass
class PanelState:
    """The state of a panel, which its views and actions share.

    Attributes
    ----------
    widget
        The widget.
    history
        Exchanges and latencies of the current proxy.
    past
        The most recent exchanges of earlier proxies.
    latencies
        Latencies for comparison.
    reports
        Reports, and earlier versions of the filter.
    traffic_runs
        Whether a cell is sending requests.
    drawn_starts
        The starts of VMs that the widget contains.
    ended
        Reason why the panel is no longer live (may be empty). None while the panel is live.
    files_allowed
        Whether curl commands may read files of the kernel.
    """

    widget: PanelWidget
    history: History
    past: Past
    latencies: Latencies
    selection: Selection = field(default_factory=Selection)
    draft: Draft = field(default_factory=Draft)
    restart: RestartSettings = field(default_factory=RestartSettings)
    reports: Reports = field(default_factory=Reports)
    traffic_runs: bool = False
    drawn_starts: object = None
    ended: str | None = None
    files_allowed: bool = False

    @property
    def proxy(self) -> Proxy:
        """The current proxy."""
        return self.history.proxy
