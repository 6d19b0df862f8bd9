"""The simulated Envoy: it runs any Proxy-Wasm module as Envoy 1.40 does, on virtual time, and keeps a trace of it."""

from .cluster import Cluster
from .exchange import Exchange
from .log import Log, LogLine
from .plugin import Plugin
from .proxy import Proxy
from .routes import RouteMatch
from .stats import Metric, Metrics
from .stream import Stream
from .stream_info import Listener
from .trace import Event, Trace
from .tree import TreeNode
from .worker import Worker

__all__ = [
    "Cluster",
    "Event",
    "Exchange",
    "Listener",
    "Log",
    "LogLine",
    "Metric",
    "Metrics",
    "Plugin",
    "Proxy",
    "RouteMatch",
    "Stream",
    "Trace",
    "TreeNode",
    "Worker",
]
