"""Interfaces of the records of requests, connections and log lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from ...abi import LogLevel
from ...messages import Request, Response

__all__ = [
    "AccessLogInterface",
    "ExchangeInterface",
    "ExchangesInterface",
    "LogLineInterface",
    "TcpExchangeInterface",
]

#: Type of the exchanges of a list.
E_co = TypeVar("E_co", covariant=True)


class ExchangesInterface(Protocol[E_co]):
    """The latest exchanges of a proxy, oldest first. Earlier exchanges are dropped."""

    @property
    def total(self) -> int:
        """Number of exchanges since the start of the proxy, including dropped ones."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> E_co: ...
    def __iter__(self) -> Iterator[E_co]: ...
    def __reversed__(self) -> Iterator[E_co]: ...


class AccessLogInterface(Protocol):
    """Access log record of one request. Its attributes are named after Envoy's command operators, in lower case."""

    @property
    def response_code(self) -> int:
        """Status of the response, or 0 if the client didn't receive a response."""
        ...

    @property
    def response_code_details(self) -> str:
        """Origin of the response: `via_upstream`, or the details of a local response."""
        ...

    @property
    def response_flags(self) -> str:
        """Envoy's short flags, joined by commas, such as `UF` or `UH,URX`. Empty if there are none."""
        ...

    @property
    def upstream_cluster(self) -> str:
        """Name of the upstream cluster. Empty if no cluster was chosen."""
        ...

    @property
    def bytes_received(self) -> int:
        """Size of the request body in bytes."""
        ...

    @property
    def bytes_sent(self) -> int:
        """Size of the response body in bytes."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the first byte of the request to the last byte of the response."""
        ...


class LogLineInterface(Protocol):
    """A line of the proxy's log."""

    @property
    def time(self) -> float:
        """Virtual seconds since the start of the proxy. For a real Envoy, seconds since 1970."""
        ...

    @property
    def level(self) -> LogLevel:
        """Log level of the line."""
        ...

    @property
    def text(self) -> str:
        """Text of the line, without time and level."""
        ...

    @property
    def thread(self) -> str:
        """Name of the thread that wrote the line: `main`, `worker-1` and so on."""
        ...

    @property
    def source(self) -> str:
        """Origin of the line: `filter` if a module wrote the line, otherwise `envoy`."""
        ...


class ExchangeInterface(Protocol):
    """Record of an HTTP request through a proxy."""

    @property
    def number(self) -> int:
        """Number of the exchange. All requests and connections of a proxy are counted from 1."""
        ...

    @property
    def worker(self) -> int | None:
        """Number of the worker that handled the exchange, from 1. None if a real Envoy hasn't written a log line
        with this number.
        """
        ...

    @property
    def state(self) -> str:
        """State of the exchange: `done`, `paused` (held back by a filter) or `failed`. The simulated proxy has more states."""
        ...

    @property
    def request(self) -> Request:
        """The request that the client sent."""
        ...

    @property
    def response(self) -> Response | None:
        """The response that the client received, or None."""
        ...

    @property
    def upstream_request(self) -> Request | None:
        """The request that the upstream received, or None."""
        ...

    @property
    def upstream_response(self) -> Response | None:
        """The response that the upstream sent, or None."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the first byte of the request to the end of the exchange. Virtual seconds in the simulated proxy."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Log lines written during the exchange."""
        ...

    @property
    def events(self) -> Sequence[Any]:
        """Events of the exchange in the trace. Empty for a real Envoy."""
        ...

    @property
    def access_log(self) -> AccessLogInterface | None:
        """Envoy's access log record of the exchange, or None until the exchange has ended."""
        ...


class TcpExchangeInterface(Protocol):
    """Record of a TCP connection through a proxy."""

    @property
    def number(self) -> int:
        """Number of the exchange. All requests and connections of a proxy are counted from 1."""
        ...

    @property
    def worker(self) -> int | None:
        """Number of the worker that handled the connection, from 1. None if unknown, as in `ExchangeInterface`."""
        ...

    @property
    def sent(self) -> bytes:
        """Bytes that the client has sent."""
        ...

    @property
    def received(self) -> bytes:
        """Bytes that the client has received."""
        ...

    @property
    def upstream_received(self) -> bytes:
        """Bytes that the upstream has received."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the client has received the end of the connection."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Log lines written during the connection."""
        ...
