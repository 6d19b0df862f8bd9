"""The real Envoy with the same interface as the simulated proxy, comparison of the two, and export for deployment.

The simulated proxy is in `wasmnb.host`, and the views of both are in `wasmnb.view`.
"""

from .binary import find_envoy
from .comparison.compare import Difference, NotCompared, Pair, Parity, compare
from .config.bootstrap import EnvoyCluster, EnvoyListener, bootstrap
from .config.counterpart import envoy_like
from .config.plugin_config import EnvoyPlugin
from .deployment import Export, export
from .exchange import EnvoyExchange
from .log import LogLine
from .process import EnvoyProcess, EnvoyRefused
from .proxy import Envoy
from .sockets.tcp import EnvoyConnection, TcpUpstream
from .sockets.tcp_exchange import EnvoyTcpExchange
from .sockets.upstream import Upstream

__all__ = [
    "Difference",
    "Envoy",
    "EnvoyCluster",
    "EnvoyConnection",
    "EnvoyExchange",
    "EnvoyListener",
    "EnvoyPlugin",
    "EnvoyProcess",
    "EnvoyRefused",
    "EnvoyTcpExchange",
    "Export",
    "LogLine",
    "NotCompared",
    "Pair",
    "Parity",
    "TcpUpstream",
    "Upstream",
    "bootstrap",
    "compare",
    "envoy_like",
    "export",
    "find_envoy",
]
