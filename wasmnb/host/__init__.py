"""The simulated Envoy, which runs Proxy-Wasm modules as Envoy 1.40 does, in virtual time, and traces every call.

Code that compiles filters is in `wasmnb.compiler`, and code that runs a real Envoy is in `wasmnb.envoy`.
"""

from .callouts.record import Callout
from .clusters.cluster import Cluster
from .clusters.grpc_server import GrpcReply, GrpcServer
from .clusters.redis_server import RedisError, RedisServer
from .contexts.stream_info import Listener
from .foreign_functions.own_functions import ForeignCall
from .http.connection_manager.client_connection import HttpConnection
from .http.connection_manager.manager import HttpConnectionManager
from .http.route_table.route import RouteMatch
from .inspect.explain import Explanation
from .inspect.python_state import PythonState
from .inspect.tree import TreeNode
from .plugins.envoy_filter_config import BuiltIn
from .plugins.plugin import Plugin
from .plugins.typed_config import TypedConfig
from .proxy import Proxy
from .shared_state.metrics import Metric, Metrics
from .simulated_clients.session import ClientSession
from .simulated_clients.streams import Stream, TcpConnection
from .tcp.reply import TcpReply
from .trace.access_log import AccessLogRecord
from .trace.events import Event
from .trace.exchange import Exchange, TcpExchange
from .trace.log import Log, LogLine
from .trace.trace import Trace
from .worker import Worker

__all__ = [
    "AccessLogRecord",
    "BuiltIn",
    "Callout",
    "ClientSession",
    "Cluster",
    "Event",
    "Exchange",
    "Explanation",
    "ForeignCall",
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
    "RedisError",
    "RedisServer",
    "RouteMatch",
    "Stream",
    "TcpConnection",
    "TcpExchange",
    "TcpReply",
    "Trace",
    "TreeNode",
    "TypedConfig",
    "Worker",
]
