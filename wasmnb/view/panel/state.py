"""The state of one panel: the proxy and its history, the user's selection, the request form, and how to restart."""

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

#: Starts the same filter again with other settings: `workers`, `seed`, `config`.
Restart = Callable[[dict[str, Any]], Any]


@dataclass
class Selection:
    """The user's selection.

    Attributes
    ----------
    view
        Name of the open view.
    scope
        Worker and plugin that the views show (default all).
    around
        Row id of the exchange that the timeline is drawn around; None for the newest events.
    plugin
        Index of the plugin whose module is shown.
    follow
        Whether to show the newest exchange, because the user hasn't picked one.
    """

    view: str = "Exchanges"
    scope: Scope = field(default_factory=Scope)
    around: int | None = None
    plugin: int = 0
    follow: bool = True


@dataclass
class Draft:
    """The request form.

    Attributes
    ----------
    sent
        The last request, or the last bytes of a connection, that were sent from the panel.
    sent_options
        Arguments of `proxy.request` with which it was sent.
    upload
        The file that becomes the body of the next request.
    options
        Arguments of `proxy.request` of the request that was loaded into the form and that have no field there.
    """

    sent: Request | bytes | None = None
    sent_options: Mapping[str, Any] = field(default_factory=dict)
    upload: bytearray = field(default_factory=bytearray)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class RestartSettings:
    """How to start the proxy again.

    Attributes
    ----------
    restart
        Starts the filter with other settings; None if the panel can't.
    seed
        The current seed; None if it is unknown.
    from_nothing
        Whether the next proxy begins with an empty list.
    """

    restart: Restart | None = None
    seed: int | None = None
    from_nothing: bool = False


@dataclass
class PanelState:
    """Everything that views and actions of one panel share.

    Attributes
    ----------
    widget
        The widget.
    history
        The exchanges and measurements of the current proxy.
    past
        The end of the lists of replaced proxies.
    latencies
        Figures to compare with.
    reports
        Reports on traffic, and earlier versions of the filter.
    traffic_runs
        Whether a cell is sending requests.
    drawn_starts
        The starts of VMs that the widget shows.
    ended
        Why the panel is no longer live (can be empty); None while it is live.
    files_allowed
        Whether messages of the browser can name files for the kernel to read.
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
