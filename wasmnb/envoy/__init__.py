"""The real Envoy behind the interface of the simulated proxy: its process, configuration, log and sockets.

Also the comparison with the simulated proxy, the import of an `envoy.yaml` and the export for deployment. Views are elsewhere.
"""

from .binary import find_envoy
from .compare import Difference, NotCompared, Pair, Parity, compare
from .config.bootstrap import Cluster, Listener, bootstrap
from .config.counterpart import envoy_like
from .config.plugin_config import EnvoyPlugin
from .deployment import Export, export
from .exchange import EnvoyExchange
from .log import LogLine
from .network.tcp import EnvoyConnection, EnvoyTcpExchange, TcpUpstream
from .network.upstream import Upstream
from .process import EnvoyProcess, EnvoyRefused
from .proxy import Envoy

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
