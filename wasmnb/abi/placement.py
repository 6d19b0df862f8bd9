"""Kinds of plugins, by their place in Envoy's configuration, and the callbacks that Envoy can call in each place.

Facts (Envoy 1.40): an HTTP filter gets `on_request_...`, `on_response_...` and `on_log` on a stream context for each request;
a network filter gets `on_new_connection`, `on_downstream_...`, `on_upstream_...` and `on_log` on a context for each connection. An
access logger gets `on_log` on its root context. A Wasm service, on the main thread alone (`singleton`) or on all threads
(`service`), has no streams. A stats sink gets `on_stats_update` on the main thread, whenever Envoy flushes its statistics.
The callbacks for ticks, queues, start and end are called on the root context in every place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from .table import CALLBACKS

__all__ = ["KINDS", "ON_MAIN_THREAD", "Callbacks"]

#: Kind of plugin -> its name in messages.
KINDS = {
    "http": "an HTTP filter",
    "network": "a network filter",
    "access_log": "an access logger",
    "singleton": "a Wasm service on the main thread",
    "service": "a Wasm service on all threads",
    "stat_sink": "a stats sink on the main thread",
}

#: Kinds of plugins that run on the main thread alone.
ON_MAIN_THREAD = frozenset({"singleton", "stat_sink"})

#: Callback of a stats sink.
_STATS = "on_stats_update"


#: Kind of plugin -> kind of context whose stream callbacks Envoy calls there.
_STREAMS = {"http": "http", "network": "tcp", "access_log": "plugin", "stat_sink": "stats"}

_HTTP_PREFIXES = ("on_request_", "on_response_")
_TCP_PREFIXES = ("on_new_connection", "on_downstream_", "on_upstream_")

#: Callbacks that end a context. They don't show what a module is for.
_ENDS = frozenset({"on_done", "on_delete"})


@dataclass(frozen=True)
class Callbacks:
    """Callbacks of a module by kind of context, under the ABI's names without prefix.

    Attributes
    ----------
    http, tcp
        Callbacks for requests, and callbacks for connections.
    log
        Whether the root context handles `on_log`.
    root
        Other callbacks of the root context.
    """

    http: frozenset[str] = frozenset()
    tcp: frozenset[str] = frozenset()
    log: bool = False
    root: frozenset[str] = frozenset()

    @classmethod
    def of_classes(cls, callbacks: Mapping[str, Iterable[str]]) -> Self:
        """Return the callbacks of a Python filter: kind of class (`vm`, `plugin`, `http`, `tcp`) -> callbacks that it overrides."""
        sets = {kind: frozenset(names) for kind, names in callbacks.items()}
        root = sets.get("plugin", frozenset()) | sets.get("vm", frozenset())
        return cls(
            sets.get("http", frozenset()), sets.get("tcp", frozenset()), "on_log" in root, root - {"on_log"} - _ENDS
        )

    @classmethod
    def of_exports(cls, exports: Iterable[str]) -> Self:
        """Return the callbacks of a module from its exports. `on_log` can belong to any of its contexts."""
        names = frozenset(CALLBACKS[name].short for name in exports if name in CALLBACKS)
        http = frozenset(name for name in names if name.startswith(_HTTP_PREFIXES))
        tcp = frozenset(name for name in names if name.startswith(_TCP_PREFIXES))
        root = names - http - tcp - {"on_log"} - _ENDS
        if "on_log" not in names:
            return cls(http, tcp, root=root)
        ends = frozenset({"on_log"})
        return cls(
            http | ends if http or not tcp else http, tcp | ends if tcp or not http else tcp, log=True, root=root
        )

    @property
    def kind(self) -> str:
        """The kind of plugin that these callbacks are for; `http` if there are none.

        If they are for several kinds, it's the first of `http`, `network`, `access_log` and `stat_sink`.
        """
        if self.http:
            return "http"
        if self.tcp:
            return "network"
        if self.log:
            return "access_log"
        return "stat_sink" if _STATS in self.root else "http"

    def problem(self, kind: str) -> str:
        """Return the reason why a plugin of a kind would never run; an empty string if it can run.

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
