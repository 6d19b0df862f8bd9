"""The interface that the simulated proxy and the real Envoy share.

Code that takes a `ProxyInterface` works with either of them. The protocols describe the common part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any, Generic, Protocol, Self, TypedDict, TypeVar, Unpack

from ..abi import LogLevel
from ..messages import HeadersLike, Request, Response, Text
from .settings import ProxySettings

__all__ = [
    "ConnectionInterface",
    "ExchangeInterface",
    "LogLineInterface",
    "ProxyInterface",
    "RequestOptions",
    "Requests",
    "TcpExchangeInterface",
    "Wait",
    "WorkerInterface",
]

E = TypeVar("E")


#: Seconds to wait for a response; None for no limit, `...` for the proxy's default.
Wait = float | EllipsisType | None


class RequestOptions(TypedDict, total=False):
    """Options of a request, as `Requests.request` documents them."""

    trailers: HeadersLike
    chunks: Iterable[Text] | None
    worker: int | None
    authority: str
    http2: bool
    wait: Wait


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


class WorkerInterface(Protocol):
    """A worker thread."""

    @property
    def number(self) -> int:
        """Number from 1, as `request(worker=...)` takes it."""
        ...

    @property
    def name(self) -> str:
        """`worker-1` and so on, as in log lines."""
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


class ConnectionInterface(Protocol):
    """The client's end of a TCP connection."""

    @property
    def exchange(self) -> TcpExchangeInterface:
        """The exchange so far."""
        ...

    @property
    def received(self) -> bytes:
        """All bytes that the client has received."""
        ...

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes; with `end`, close the client's side after them."""
        ...

    def end(self) -> Self:
        """Close the client's side (half-close)."""
        ...

    def read(self, wait: float | None = ...) -> bytes | None:
        """Return the next bytes: `b""` at the end, None if none come within `wait` seconds."""
        ...

    def close(self) -> TcpExchangeInterface:
        """Close both sides."""
        ...

    def reset(self) -> TcpExchangeInterface:
        """Abort the connection with a TCP reset."""
        ...


class ProxyInterface(Protocol):
    """A proxy with filters, simulated or real."""

    @property
    def name(self) -> str:
        """Its name in messages and views."""
        ...

    @property
    def settings(self) -> ProxySettings:
        """Its settings, as both kinds of proxy take them."""
        ...

    @property
    def plugins(self) -> Sequence[Any]:
        """The plugins that run, in the order of the chain."""
        ...

    @property
    def workers(self) -> Sequence[WorkerInterface]:
        """Its worker threads."""
        ...

    @property
    def state(self) -> str:
        """`running` or `closed`; `failed` in the simulated proxy after the failure of a VM."""
        ...

    @property
    def exchanges(self) -> Sequence[ExchangeInterface | TcpExchangeInterface]:
        """Requests and connections so far, oldest first."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Lines that filters and the Wasm host wrote."""
        ...

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The filters' counters and gauges by name."""
        ...

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = (),
        body: Text = b"",
        trailers: HeadersLike = (),
        *,
        chunks: Iterable[Text] | None = None,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
        wait: Wait = ...,
    ) -> ExchangeInterface:
        """Send a request and wait for its end, as `Requests.request` documents it."""
        ...

    def send(
        self, request: Request, *, worker: int | None = None, http2: bool = False, wait: Wait = ...
    ) -> ExchangeInterface:
        """Send a `Request` as `request` does."""
        ...

    def get(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> ExchangeInterface:
        """Send a GET request as `request` does."""
        ...

    def post(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> ExchangeInterface:
        """Send a POST request as `request` does."""
        ...

    def connect(self, *, worker: int | None = None, cluster: str = "upstream") -> ConnectionInterface:
        """Open a TCP connection through the network filters."""
        ...

    def close(self) -> None:
        """Shut the proxy down; contexts get their `on_done`."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Requests(ABC, Generic[E]):
    """The ways to send a request, which both kinds of proxy have. They all end in `send`."""

    @abstractmethod
    def send(self, request: Request, *, worker: int | None = None, http2: bool = False, wait: Wait = ...) -> E:
        """Send a `Request` as `request` does."""

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = (),
        body: Text = b"",
        trailers: HeadersLike = (),
        *,
        chunks: Iterable[Text] | None = None,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
        wait: Wait = ...,
    ) -> E:
        """Send a request, wait for its end, and return the exchange.

        Parameters
        ----------
        method, path
            The request line (`GET /`).
        headers, trailers
            `Headers`, a mapping, or names and values in pairs.
        body, chunks
            The body in one piece (with a content-length) or in several chunks.
        worker
            Number of the worker that accepts the connection, from 1. By default the simulated workers take turns. In a
            real Envoy the kernel always chooses.
        authority
            The `host` header, or `:authority`.
        http2
            Send the request over HTTP/2 instead of HTTP/1.1. With a real Envoy this needs the package `h2`.
        wait
            Seconds to wait for a response that a filter holds back: 20 virtual seconds in the simulated proxy, where the
            exchange continues in later calls; the `timeout` of a real Envoy, 5 seconds without traffic. The exchange is
            `paused` then. None for no limit.

        Raises
        ------
        UsageError
            The proxy is closed, or has no such worker.
        """
        request = Request.of(method, path, headers, body, trailers, authority, chunks)
        return self.send(request, worker=worker, http2=http2, wait=wait)

    def get(self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]) -> E:
        """Send a GET request; the options are those of `request`."""
        return self.request("GET", path, headers, body, **options)

    def post(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E:
        """Send a POST request; the options are those of `request`."""
        return self.request("POST", path, headers, body, **options)
