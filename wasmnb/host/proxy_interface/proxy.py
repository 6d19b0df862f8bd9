"""Interfaces of a proxy and of its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from ..settings import ProxySettings
from .connections import ConnectionInterface, SessionInterface
from .records import ExchangeInterface, ExchangesInterface, LogLineInterface, TcpExchangeInterface
from .requests import Requests

__all__ = ["ProxyInterface", "WorkerInterface"]


class WorkerInterface(Protocol):
    """A worker thread of a proxy."""

    @property
    def number(self) -> int:
        """Number of the worker, from 1, as in `request(worker=...)`."""
        ...

    @property
    def name(self) -> str:
        """Name of the worker in log lines: `worker-1` and so on."""
        ...


class ProxyInterface(Requests[ExchangeInterface], Protocol):
    """A simulated or real proxy with filters."""

    @property
    def name(self) -> str:
        """Name of the proxy in messages and views."""
        ...

    @property
    def settings(self) -> ProxySettings:
        """Settings that both kinds of proxy support."""
        ...

    @property
    def plugins(self) -> Sequence[Any]:
        """The plugins of the proxy, in the order of the chain."""
        ...

    @property
    def workers(self) -> Sequence[WorkerInterface]:
        """The worker threads of the proxy."""
        ...

    @property
    def state(self) -> str:
        """State of the proxy: `running`, `closed`, or (only in the simulated proxy) `failed` if a VM has failed."""
        ...

    @property
    def exchanges(self) -> ExchangesInterface[ExchangeInterface | TcpExchangeInterface]:
        """Requests and connections so far, oldest first."""
        ...

    @property
    def log(self) -> Sequence[LogLineInterface]:
        """Log lines written by filters and by the Wasm host."""
        ...

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Counters and gauges of the filters by name."""
        ...

    def session(self, *, worker: int | None = None, http2: bool = False) -> SessionInterface:
        """Open a client connection that can be used for several requests.

        Parameters
        ----------
        worker
            Number of the worker that accepts the connection. By default (None), the proxy chooses a worker.
        http2
            Whether the client uses HTTP/2 instead of HTTP/1.1 (default False).
        """
        ...

    def connect(self, *, worker: int | None = None, cluster: str = "upstream") -> ConnectionInterface:
        """Open a TCP connection to a cluster through the network filters.

        Parameters
        ----------
        worker
            Number of the worker that accepts the connection. By default (None), the proxy chooses a worker.
        cluster
            Name of the cluster to connect to (default `upstream`).
        """
        ...

    def close(self) -> None:
        """Shut down the proxy and call `on_done` of the contexts."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
