"""The simulated Envoy: it runs any Proxy-Wasm module as Envoy 1.40 does, on virtual time, and keeps a trace of it."""

from .callouts.record import Callout
from .client_streams import Stream, TcpConnection
from .contexts.stream_info import Listener
from .http.connection.client_connection import HttpConnection
from .http.connection.manager import HttpConnectionManager
from .http.routing.route import RouteMatch
from .inspect.explain import Explanation
from .inspect.python_state import PythonState
from .inspect.tree import TreeNode
from .plugins.built_in import BuiltIn
from .plugins.plugin import Plugin
from .proxy import Proxy
from .state.metrics import Metric, Metrics
from .tcp.reply import TcpReply
from .trace.events import Event
from .trace.exchange import Exchange, TcpExchange
from .trace.log import Log, LogLine
from .trace.trace import Trace
from .upstream.cluster import Cluster
from .upstream.grpc_server import GrpcReply, GrpcServer
from .worker import Worker

__all__ = [
    "BuiltIn",
    "Callout",
    "Cluster",
    "Event",
    "Exchange",
    "Explanation",
    "GrpcReply",
    "GrpcServer",
    "HttpConnection",
    "HttpConnectionManager",
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
