"""The interface that the simulated proxy and the real Envoy share. Code that takes a `ProxyInterface` works with either of them.

The protocols describe the common part. Methods of only one of the two aren't here.
"""

from .connections import ConnectionInterface, SessionInterface
from .proxy import ProxyInterface, WorkerInterface
from .records import AccessLogInterface, ExchangeInterface, LogLineInterface, TcpExchangeInterface
from .requests import RequestOptions, Requests, SendOptions, Wait

__all__ = [
    "AccessLogInterface",
    "ConnectionInterface",
    "ExchangeInterface",
    "LogLineInterface",
    "ProxyInterface",
    "RequestOptions",
    "Requests",
    "SendOptions",
    "SessionInterface",
    "TcpExchangeInterface",
    "Wait",
    "WorkerInterface",
]
