"""The classes of both proxies that implement each interface of `host.proxy_interface`. mypy checks the types of these tables.

The first class of each table belongs to the simulated proxy, the second one to the real Envoy.
"""

from __future__ import annotations

from ...host import Proxy
from ...host.proxy_interface import (
    AccessLogInterface,
    ConnectionInterface,
    ExchangeInterface,
    LogLineInterface,
    ProxyInterface,
    SessionInterface,
    TcpExchangeInterface,
    WorkerInterface,
)
from ...host.simulated_clients.session import ClientSession
from ...host.simulated_clients.streams import TcpConnection
from ...host.trace.access_log import AccessLogRecord
from ...host.trace.exchange import Exchange, TcpExchange
from ...host.trace.log import LogLine
from ...host.worker import Worker
from ..exchange import EnvoyExchange
from ..log import LogLine as EnvoyLogLine
from ..proxy import Envoy, EnvoyWorker
from ..session import EnvoySession
from ..sockets.tcp import EnvoyConnection
from ..sockets.tcp_exchange import EnvoyTcpExchange

__all__ = [
    "ACCESS_LOGS",
    "CONNECTIONS",
    "EXCHANGES",
    "LOG_LINES",
    "PROXIES",
    "SESSIONS",
    "TCP_EXCHANGES",
    "WORKERS",
]

PROXIES: tuple[type[ProxyInterface], type[ProxyInterface]] = (Proxy, Envoy)
WORKERS: tuple[type[WorkerInterface], type[WorkerInterface]] = (Worker, EnvoyWorker)
SESSIONS: tuple[type[SessionInterface], type[SessionInterface]] = (ClientSession, EnvoySession)
CONNECTIONS: tuple[type[ConnectionInterface], type[ConnectionInterface]] = (TcpConnection, EnvoyConnection)
EXCHANGES: tuple[type[ExchangeInterface], type[ExchangeInterface]] = (Exchange, EnvoyExchange)
TCP_EXCHANGES: tuple[type[TcpExchangeInterface], type[TcpExchangeInterface]] = (TcpExchange, EnvoyTcpExchange)
LOG_LINES: tuple[type[LogLineInterface], type[LogLineInterface]] = (LogLine, EnvoyLogLine)
ACCESS_LOGS: tuple[type[AccessLogInterface], type[AccessLogInterface]] = (AccessLogRecord, AccessLogRecord)
