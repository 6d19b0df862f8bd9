"""Interfaces of the records of requests, connections and log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from ...abi import LogLevel
from ...messages import Request, Response

__all__ = [
    "AccessLogInterface",
    "CrashInterface",
    "ExchangeInterface",
    "ExchangesInterface",
    "LogLineInterface",
    "RecordInterface",
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


class CrashInterface(Protocol):
    """A crash of Envoy, or in the simulated proxy, the prediction of one."""

    @property
    def text(self) -> str:
        """Description of the crash: in the simulated proxy the cause, in a real Envoy the errors in its log."""
        ...


class RecordInterface(Protocol):
    """Attributes that the records of requests and of TCP connections have in common.

    The simulated proxy updates the record whenever virtual time passes. A real Envoy's record of a request describes the time
    when the client stopped waiting; its record of a connection is updated until the client closes the connection.
    """

    #: Whether `events` has the callbacks and hostcalls of filters. False for a real Envoy.
    reports_callbacks: ClassVar[bool]

    @property
    def number(self) -> int:
        """Number of the exchange. All requests and connections of a proxy are counted from 1."""
        ...

    @property
    def worker(self) -> int | None:
        """Number of the worker that handled the exchange, from 1. None if a real Envoy hasn't written a log line with this
        number.
        """
        ...

    @property
    def state(self) -> str:
        """State of the exchange. Each state has the same meaning in both proxies.

        - `open`: the exchange hasn't ended. The proxy waits for the client, an upstream or a service.
        - `paused`: the exchange hasn't ended, and a filter holds it back. `paused` describes what it holds.
        - `done`: the exchange has ended. For a request, the client has received a whole response, which can be a local reply.
        - `failed`: a filter's VM has failed, and the proxy therefore ended the exchange, with status 503 or a reset.
        - `reset`: the exchange ended before its end: the proxy, a filter, the upstream or the client closed the stream or
          connection.
        - `refused`: the proxy refused the request before the first filter, for example because of an invalid header.
        - `crashed`: Envoy crashed. The simulated proxy knows some calls that crash Envoy, and continues after them.

        A real Envoy reads `failed` and `refused` from its logs. It derives `paused` from what its upstreams have received and
        sent, so a request is `open` instead if an upstream is your own server. For TCP connections, it knows less: a paused connection is
        `open`, the final state is known only after `close` or `reset`, and `failed` only if the VM failed during this connection (on
        later connections it is `done`).
        """
        ...

    @property
    def done(self) -> bool:
        """Whether the exchange has ended, in any state but `open` and `paused`."""
        ...

    @property
    def paused(self) -> str:
        """Description of what a filter holds back, such as `request paused by auth`. Empty unless `state` is `paused`. A real Envoy
        doesn't know the name of the filter.
        """
        ...

    @property
    def started_at(self) -> float:
        """Time of the start in seconds since 1970. The simulated proxy uses its virtual clock."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the start to the end of the exchange, virtual in the simulated proxy. 0 until it has ended.

        A real Envoy keeps an HTTP/1 connection open for up to one second after a reset, which is included.
        """
        ...

    @property
    def elapsed(self) -> float:
        """Seconds from the start to the end of the exchange. If it hasn't ended, seconds until now, or in a real Envoy, until the
        client stopped waiting.
        """
        ...

    @property
    def waited(self) -> float:
        """Virtual seconds at the start during which the worker was busy. 0 for a real Envoy, which doesn't report this time."""
        ...

    @property
    def failure(self) -> Any:
        """Failure of the filter that ended the exchange, with callback, message and traceback, or None. Always None for a real Envoy,
        whose `log` has Envoy's message.
        """
        ...

    @property
    def crash(self) -> CrashInterface | None:
        """Crash of Envoy that the exchange caused, or None."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Warnings, for example that the upstream received only a part of a request."""
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
    def body_bytes(self) -> int:
        """Approximate size in bytes of the messages that the record keeps in memory."""
        ...


class ExchangeInterface(RecordInterface, Protocol):
    """Record of an HTTP request through a proxy."""

    @property
    def request(self) -> Request:
        """The request that the client sent."""
        ...

    @property
    def response(self) -> Response | None:
        """The response that the client received. Its status is 0 if the proxy closed the connection or the stream without a response.
        None if the client is still waiting, or has disconnected itself.
        """
        ...

    @property
    def upstream_request(self) -> Request | None:
        """The first request that the upstream received, or None."""
        ...

    @property
    def upstream_requests(self) -> Sequence[Request]:
        """All requests that upstreams received. Retries are separate entries."""
        ...

    @property
    def upstream_complete(self) -> bool:
        """Whether the upstream received the whole request."""
        ...

    @property
    def upstream_response(self) -> Response | None:
        """The response that the upstream sent, or None if it hasn't begun to send one."""
        ...

    @property
    def details(self) -> str:
        """Envoy's response code details, such as `via_upstream`. Empty until the exchange has ended."""
        ...

    @property
    def access_log(self) -> AccessLogInterface | None:
        """Envoy's access log record of the exchange, or None until the exchange has ended."""
        ...

    @property
    def http2(self) -> bool:
        """Whether the client sent the request over HTTP/2."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds after which the client disconnects, or None if it waits without limit."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """Keyword arguments used to send the request: `http2`, `timeout`, `properties`, `metadata`."""
        ...

    @property
    def wire(self) -> bytes:
        """The raw bytes, including framing, that the client received. Empty for HTTP/2 in the simulated proxy."""
        ...


class TcpExchangeInterface(RecordInterface, Protocol):
    """Record of a TCP connection through a proxy."""

    @property
    def sent(self) -> bytes:
        """Bytes that the client has sent."""
        ...

    @property
    def sent_chunks(self) -> Sequence[bytes]:
        """Bytes that the client has sent, with one entry for each `send`."""
        ...

    @property
    def received(self) -> bytes:
        """Bytes that have arrived at the client, including those that it hasn't read."""
        ...

    @property
    def upstream_received(self) -> bytes:
        """Bytes that the upstream has received."""
        ...

    @property
    def half_closed(self) -> bool:
        """Whether the client has closed its side with `end`, but continues to read."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the client has received the end of the connection, or the proxy has closed it after the client did."""
        ...

    @property
    def closed_by_proxy(self) -> bool:
        """Whether the client received the end of the connection before it closed the connection itself. False until the client
        closes or resets it.
        """
        ...
