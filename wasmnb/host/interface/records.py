"""Records of requests, connections and log lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...abi import LogLevel
from ...messages import Request, Response

__all__ = ["AccessLogInterface", "ExchangeInterface", "LogLineInterface", "TcpExchangeInterface"]


class AccessLogInterface(Protocol):
    """An access log's record of a request. The attributes are Envoy's command operators in lower case."""

    @property
    def response_code(self) -> int:
        """Status of the response; 0 if the client got none."""
        ...

    @property
    def response_code_details(self) -> str:
        """Origin of the response: `via_upstream`, the details of a local response, ..."""
        ...

    @property
    def response_flags(self) -> str:
        """Envoy's short flags joined by commas: `UF`, `UH,URX`; empty for none."""
        ...

    @property
    def upstream_cluster(self) -> str:
        """Name of the cluster; empty if none was chosen."""
        ...

    @property
    def bytes_received(self) -> int:
        """Bytes of the request's body."""
        ...

    @property
    def bytes_sent(self) -> int:
        """Bytes of the response's body."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the first byte of the request to the last byte of the response."""
        ...


class LogLineInterface(Protocol):
    """A line of the proxy's log."""

    @property
    def time(self) -> float:
        """Seconds: virtual ones since the start, or wall-clock ones since 1970."""
        ...

    @property
    def level(self) -> LogLevel:
        """The log level."""
        ...

    @property
    def text(self) -> str:
        """The text."""
        ...

    @property
    def thread(self) -> str:
        """`main`, `worker-1` and so on."""
        ...

    @property
    def source(self) -> str:
        """`filter` for lines that a module wrote, `envoy` for others."""
        ...


class ExchangeInterface(Protocol):
    """A request through a proxy."""

    @property
    def number(self) -> int:
        """Counts a proxy's requests and connections, from 1."""
        ...

    @property
    def worker(self) -> int | None:
        """Number of the worker that served it, from 1. None if it is unknown: a real Envoy shows it only in log lines."""
        ...

    @property
    def state(self) -> str:
        """`done`, `paused` (a filter holds it), `failed`, and others of the simulated proxy."""
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
        """Seconds from the first byte to the end; virtual ones in the simulated proxy."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Lines that were logged during the exchange."""
        ...

    @property
    def events(self) -> Sequence[Any]:
        """Its part of the trace; empty for a real Envoy."""
        ...

    @property
    def access_log(self) -> AccessLogInterface | None:
        """The record that Envoy's access log has of it; None until it has ended."""
        ...


class TcpExchangeInterface(Protocol):
    """A TCP connection through a proxy."""

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
        """Whether the client has received the end."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Lines that were logged during the exchange."""
        ...
