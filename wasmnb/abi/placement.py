"""Kinds of plugins, and the callbacks that Envoy calls for each kind.

The kind of a plugin depends on its place in Envoy's configuration. In Envoy 1.40, an HTTP filter has a stream context for each
request, on which `on_request_...`, `on_response_...` and `on_log` are called. A network filter has a context for each
connection, with `on_new_connection`, `on_downstream_...`, `on_upstream_...` and `on_log`. For an access logger, `on_log` is
called on the root context. A Wasm service runs on the main thread (`singleton`) or on all threads (`service`) and has no
streams. For a stats sink, `on_stats_update` is called on the main thread whenever Envoy flushes its statistics. The callbacks
for ticks, queues, start and end are called on the root context of every kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from .table import CALLBACKS, STREAM_CALLBACKS

__all__ = ["KINDS", "ON_MAIN_THREAD", "Callbacks"]

#: Kind of plugin -> its description in messages.
KINDS = {
    "http": "an HTTP filter",
    "network": "a network filter",
    "access_log": "an access logger",
    "singleton": "a Wasm service on the main thread",
    "service": "a Wasm service on all threads",
    "stat_sink": "a stats sink on the main thread",
}

#: Kinds of plugins that run only on the main thread.
ON_MAIN_THREAD = frozenset({"singleton", "stat_sink"})

#: Callback that is called for stats sinks.
_STATS = "on_stats_update"


#: Kind of plugin -> kind of context whose callbacks Envoy calls in addition to the general callbacks.
_STREAMS = {"http": "http", "network": "tcp", "access_log": "plugin", "stat_sink": "stats"}

#: Callbacks for the end of a context. They don't indicate the kind of plugin for which a module is meant.
_ENDS = frozenset({"on_done", "on_delete"})


@dataclass(frozen=True)
class Callbacks:
    """The callbacks that a module handles, by kind of context. Names have no `proxy_`.

    Attributes
    ----------
    http, tcp
        Callbacks for HTTP streams, and callbacks for TCP connections.
    log
        Whether the module handles `on_log` on the root context.
    root
        Other callbacks on the root context.
    """

    http: frozenset[str] = frozenset()
    tcp: frozenset[str] = frozenset()
    log: bool = False
    root: frozenset[str] = frozenset()

    @classmethod
    def of_classes(cls, callbacks: Mapping[str, Iterable[str]]) -> Self:
        """Create the callbacks of a Python filter.

        Parameters
        ----------
        callbacks
            Kind of class (`vm`, `plugin`, `http`, `tcp`) -> ABI names of the callbacks that the filter's class overrides.
        """
        sets = {kind: frozenset(names) for kind, names in callbacks.items()}
        root = sets.get("plugin", frozenset()) | sets.get("vm", frozenset())
        return cls(
            sets.get("http", frozenset()), sets.get("tcp", frozenset()), "on_log" in root, root - {"on_log"} - _ENDS
        )

    @classmethod
    def of_exports(cls, exports: Iterable[str]) -> Self:
        """Create the callbacks of a module from the names of its exports. `on_log` can be meant for any kind of context."""
        names = frozenset(CALLBACKS[name].short for name in exports if name in CALLBACKS)
        http, tcp = names & STREAM_CALLBACKS["http"], names & STREAM_CALLBACKS["tcp"]
        root = names - http - tcp - {"on_log"} - _ENDS
        if "on_log" not in names:
            return cls(http, tcp, root=root)
        ends = frozenset({"on_log"})
        return cls(
            http | ends if http or not tcp else http, tcp | ends if tcp or not http else tcp, log=True, root=root
        )

    @property
    def kind(self) -> str:
        """Kind of plugin for which these callbacks are meant.

        If they are meant for several kinds, the first of `http`, `network`, `access_log` and `stat_sink` is returned. The default
        is `http`.
        """
        if self.http:
            return "http"
        if self.tcp:
            return "network"
        if self.log:
            return "access_log"
        return "stat_sink" if _STATS in self.root else "http"

    def problem(self, kind: str) -> str:
        """Return the reason why Envoy would never call a plugin of this kind, or '' if Envoy calls it.

        Parameters
        ----------
        kind
            One of `KINDS`.
        """
        streams = {"http": sorted(self.http), "tcp": sorted(self.tcp), "plugin": ["on_log"] if self.log else []}
        streams["stats"] = [_STATS] if _STATS in self.root else []
        written = [name for names in streams.values() for name in names]
        works = streams[_STREAMS[kind]] if kind in _STREAMS else self.root - {_STATS}
        if works or not written:
            return ""
        return f"{KINDS[kind]} never gets its callbacks ({', '.join(dict.fromkeys(written))})"
