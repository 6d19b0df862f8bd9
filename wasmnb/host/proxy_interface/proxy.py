"""Interfaces of a proxy and of its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from ..settings import ProxySettings
from .connections import ConnectionInterface, SessionInterface
from .records import ExchangeInterface, LogLineInterface, TcpExchangeInterface
from .requests import Requests

__all__ = ["ProxyInterface", "WorkerInterface"]


class WorkerInterface(Protocol):
    """A worker thread."""

    @property
    def number(self) -> int:
        """Number of the worker, from 1, as for `request(worker=...)`."""
        ...

    @property
    def name(self) -> str:
        """Name of the worker in log lines: `worker-1` and so on."""
        ...


class ProxyInterface(Requests[ExchangeInterface], Protocol):
    """A proxy with filters, simulated or real."""

    @property
    def name(self) -> str:
        """The proxy's name in messages and views."""
        ...

    @property
    def settings(self) -> ProxySettings:
        """The settings that both kinds of proxy have."""
        ...

    @property
    def plugins(self) -> Sequence[Any]:
        """The plugins that run, in the order of the chain."""
        ...

    @property
    def workers(self) -> Sequence[WorkerInterface]:
        """The worker threads."""
        ...

    @property
    def state(self) -> str:
        """`running` or `closed`. In the simulated proxy also `failed`, if a VM has failed."""
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

    def session(self, *, worker: int | None = None, http2: bool = False) -> SessionInterface:
        """Open a connection over which a client can send several requests."""
        ...

    def connect(self, *, worker: int | None = None, cluster: str = "upstream") -> ConnectionInterface:
        """Open a TCP connection to a cluster through the network filters."""
        ...

    def close(self) -> None:
        """Shut the proxy down. Contexts get `on_done`."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
