"""Observation of a proxy: trace, log, metrics, state, context tree, Python state, and explanations of exchanges."""

from __future__ import annotations

from ..errors import UsageError
from .callouts.record import Callout
from .clock import check_worker
from .clusters.cluster import Cluster
from .components import ProxyComponents
from .inspect.explain import Explanation, explain
from .inspect.python_state import LENGTH, PythonState, read_python_state
from .inspect.tree import TreeNode, build_tree
from .shared_state.metrics import Metrics
from .shared_state.shared_data import SharedData
from .simulated_clients.streams import Stream, TcpConnection
from .trace.exchange import ExchangeBase
from .trace.log import Log
from .trace.trace import Trace
from .vm.vm import Vm

__all__ = ["ObservationMethods"]


class ObservationMethods:
    """Base class of `Proxy` with properties and methods that show its state without changing it."""

    _components: ProxyComponents

    @property
    def trace(self) -> Trace:
        """Trace of every call between the proxy and its filters, and of other events of streams and VMs."""
        return self._components.server.trace

    @property
    def log(self) -> Log:
        """Log lines written by filters and by the simulated Envoy."""
        return self._components.server.log

    @property
    def metrics(self) -> Metrics:
        """Metrics that filters have defined, by name. The attribute `envoy` contains Envoy's own metrics."""
        return self._components.server.metrics

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Clusters by name. The main cluster is named `upstream`. A cluster whose `alive` is set to False refuses
        connections.
        """
        return self._components.server.clusters

    @property
    def callouts(self) -> list[Callout]:
        """The last 10,000 callouts that filters made."""
        return self._components.server.callouts.all()

    @property
    def shared_data(self) -> SharedData:
        """Shared data by key. The method `of(vm_id)` returns the shared data of one vm_id."""
        return SharedData(self._components.server.shared)

    @property
    def state(self) -> str:
        """State of the proxy: `running`, `failed` if a VM has failed, or `closed`."""
        return self._components.state

    @property
    def vms(self) -> list[Vm]:
        """VMs that haven't been closed, in the order of their creation."""
        return self._components.vms

    def tree(self) -> TreeNode:
        """Return the current tree of threads, VMs, plugin contexts and live streams."""
        return build_tree(self._components)

    def python_state(self, *, worker: int | None = None, length: int = LENGTH) -> PythonState:
        """Return the Python state of every VM: attributes of contexts and classes, and global variables of the module.

        The state is read from copies of the VMs, so that a filter's `__repr__` can't affect the proxy. If a VM can't be read,
        for example because its module isn't written in Python, `problem` contains the reason.

        Parameters
        ----------
        worker
            Number of the worker whose VMs are read, or 0 for the main thread. By default, all VMs are read.
        length
            Maximum number of characters of a value (default 200).

        Raises
        ------
        UsageError
            There is no such worker, or the proxy is closed.
        """
        parts = self._components
        check_worker(worker, len(parts.workers), main=True)
        parts.loop.check_open()
        vms = [vm for vm in parts.vms if worker is None or vm.thread.number == worker]
        with parts.server.engine.interrupts:
            return read_python_state(parts.name, vms, length=length)

    def explain(self, exchange: ExchangeBase | Stream | TcpConnection | int | None = None) -> Explanation:
        """Explain in words why an exchange is waiting or has failed.

        Parameters
        ----------
        exchange
            An exchange, its number, its `Stream`, or its `TcpConnection`. By default, the last exchange.

        Raises
        ------
        UsageError
            There is no such exchange.
        """
        if isinstance(exchange, Stream | TcpConnection):
            exchange = exchange.exchange
        if exchange is None or isinstance(exchange, int):
            exchange = _exchange(self._components, exchange)
        return explain(self._components, exchange)


def _exchange(components: ProxyComponents, number: int | None) -> ExchangeBase:
    """Return the exchange with this number. For None, return the last exchange."""
    candidates = [exchange for exchange in components.exchanges if number in (None, exchange.number)]
    if not candidates:
        if number is None:
            raise UsageError("There is no exchange yet. Send a request first.")
        raise UsageError(f"There is no exchange {number}. `proxy.exchanges` lists the last 10,000 exchanges.")
    return candidates[-1]
