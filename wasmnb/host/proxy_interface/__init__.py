"""The interface that the simulated proxy and the real Envoy share. Code that takes a `ProxyInterface` works with both.

The protocols describe the common part. Methods that only one of the two has aren't here.
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
