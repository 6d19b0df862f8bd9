"""The simulated Envoy: it runs any Proxy-Wasm module as Envoy 1.40 does, on virtual time, and keeps a trace of it."""

from .callout_record import Callout
from .cluster import Cluster
from .event import Event
from .exchange import Exchange, TcpExchange
from .explain import Explanation
from .grpc_server import GrpcReply, GrpcServer
from .log import Log, LogLine
from .plugin import Plugin
from .proxy import Proxy
from .python_state import PythonState
from .routes import RouteMatch
from .stats import Metric, Metrics
from .stream import Stream, TcpConnection
from .stream_info import Listener
from .tcp_stream import TcpReply
from .trace import Trace
from .tree import TreeNode
from .worker import Worker

__all__ = [
    "Callout",
    "Cluster",
    "Event",
    "Exchange",
    "Explanation",
    "GrpcReply",
    "GrpcServer",
    "Listener",
    "Log",
    "LogLine",
    "Metric",
    "Metrics",
    "Plugin",
    "Proxy",
    "PythonState",
    "RouteMatch",
    "Stream",
    "TcpConnection",
    "TcpExchange",
    "TcpReply",
    "Trace",
    "TreeNode",
    "Worker",
]
