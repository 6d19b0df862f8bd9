"""Interfaces of the records of requests, connections and log lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...abi import LogLevel
from ...messages import Request, Response

__all__ = ["AccessLogInterface", "ExchangeInterface", "LogLineInterface", "TcpExchangeInterface"]


class AccessLogInterface(Protocol):
    """The access log's record of a request. Its attributes have the names of Envoy's command operators, in lower case."""

    @property
    def response_code(self) -> int:
        """Status of the response; 0 if the client didn't get one."""
        ...

    @property
    def response_code_details(self) -> str:
        """Where the response came from: `via_upstream`, or the details of a local response."""
        ...

    @property
    def response_flags(self) -> str:
        """Envoy's short flags, joined by commas, such as `UF` or `UH,URX`. Empty if there are none."""
        ...

    @property
    def upstream_cluster(self) -> str:
        """Name of the upstream cluster; empty if none was chosen."""
        ...

    @property
    def bytes_received(self) -> int:
        """Size of the request's body in bytes."""
        ...

    @property
    def bytes_sent(self) -> int:
        """Size of the response's body in bytes."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the first byte of the request to the last byte of the response."""
        ...


class LogLineInterface(Protocol):
    """A line of the proxy's log."""

    @property
    def time(self) -> float:
        """Virtual seconds since the start; for a real Envoy, seconds since 1970."""
        ...

    @property
    def level(self) -> LogLevel:
        """The log level."""
        ...

    @property
    def text(self) -> str:
        """The text of the line, without time and level."""
        ...

    @property
    def thread(self) -> str:
        """Name of the thread that wrote the line: `main`, `worker-1` and so on."""
        ...

    @property
    def source(self) -> str:
        """Origin of the line: `filter` if a module wrote it, else `envoy`."""
        ...


class ExchangeInterface(Protocol):
    """The record of a request through a proxy."""

    @property
    def number(self) -> int:
        """Counts a proxy's requests and connections, from 1."""
        ...

    @property
    def worker(self) -> int | None:
        """Number of the worker that served it, from 1. None if it isn't known: a real Envoy shows it only in log lines."""
        ...

    @property
    def state(self) -> str:
        """`done`, `paused` (a filter holds it) or `failed`. The simulated proxy has more states."""
        ...

    @property
    def request(self) -> Request:
        """The message that the client sent."""
        ...

    @property
    def response(self) -> Response | None:
        """The message that the client received, or None."""
        ...

    @property
    def upstream_request(self) -> Request | None:
        """The message that the upstream received, or None."""
        ...

    @property
    def upstream_response(self) -> Response | None:
        """The message that the upstream sent, or None."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the first byte to the end. In the simulated proxy they are virtual."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Lines that were logged during the exchange."""
        ...

    @property
    def events(self) -> Sequence[Any]:
        """The part of the trace that belongs to the exchange; empty for a real Envoy."""
        ...

    @property
    def access_log(self) -> AccessLogInterface | None:
        """The record in Envoy's access log; None until the exchange has ended."""
        ...


class TcpExchangeInterface(Protocol):
    """The record of a TCP connection through a proxy."""

    @property
    def number(self) -> int:
        """Counts a proxy's requests and connections, from 1."""
        ...

    @property
    def worker(self) -> int | None:
        """Number of the worker that served it, as for `ExchangeInterface`."""
        ...

    @property
    def sent(self) -> bytes:
        """Bytes that the client sent."""
        ...

    @property
    def received(self) -> bytes:
        """Bytes that the client received."""
        ...

    @property
    def upstream_received(self) -> bytes:
        """Bytes that the upstream received."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the client has received the end of the connection."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Lines that were logged during the exchange."""
        ...
