"""The real Envoy, behind the same interface as the simulated proxy."""

from .binary import find_envoy
from .config import Cluster, Listener, bootstrap
from .exchange import EnvoyExchange
from .exporting import Export, export
from .log import LogLine
from .mirror import envoy_like
from .parity import Difference, Pair, Parity, compare
from .plugin import EnvoyPlugin
from .process import EnvoyProcess, EnvoyRefused
from .proxy import Envoy
from .tcp import EnvoyConnection, EnvoyTcpExchange, TcpUpstream
from .upstream import Upstream

__all__ = [
    "Cluster",
    "Difference",
    "Envoy",
    "EnvoyConnection",
    "EnvoyExchange",
    "EnvoyPlugin",
    "EnvoyProcess",
    "EnvoyRefused",
    "EnvoyTcpExchange",
    "Export",
    "Listener",
    "LogLine",
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
