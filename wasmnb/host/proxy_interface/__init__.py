"""Interfaces shared by the simulated proxy and the real Envoy. Code that accepts a `ProxyInterface` works with both.

Each kind of proxy has further methods, which aren't part of these interfaces. See `..proxy` and `wasmnb.envoy.proxy`.
"""

from .connections import ConnectionInterface, SessionInterface
from .proxy import ProxyInterface, WorkerInterface
from .records import (
    AccessLogInterface,
    CrashInterface,
    ExchangeInterface,
    ExchangesInterface,
    LogLineInterface,
    RecordInterface,
    TcpExchangeInterface,
)
from .requests import RequestOptions, Requests, SendOptions, Wait

__all__ = [
    "AccessLogInterface",
    "ConnectionInterface",
    "CrashInterface",
    "ExchangeInterface",
    "ExchangesInterface",
    "LogLineInterface",
    "ProxyInterface",
    "RecordInterface",
    "RequestOptions",
    "Requests",
    "SendOptions",
    "SessionInterface",
    "TcpExchangeInterface",
    "Wait",
    "WorkerInterface",
]
