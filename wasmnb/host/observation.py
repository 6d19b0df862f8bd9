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

__all__ = ["Observed"]


class Observed:
    """Base class of `Proxy` with the methods that show its state and never change it."""

    _components: ProxyComponents

    @property
    def trace(self) -> Trace:
        """Every call between the proxy and its filters, and other events of streams and VMs."""
        return self._components.server.trace

    @property
    def log(self) -> Log:
        """Log lines that filters and the simulated Envoy wrote."""
        return self._components.server.log

    @property
    def metrics(self) -> Metrics:
        """The filters' metrics by name. Its attribute `envoy` has Envoy's own metrics."""
        return self._components.server.metrics

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Clusters by name; the main one is `upstream`. Set a cluster's `alive` to False to make it refuse connections."""
        return self._components.server.clusters

    @property
    def callouts(self) -> list[Callout]:
        """The last 10,000 callouts that filters made."""
        return self._components.server.callouts.all()

    @property
    def shared_data(self) -> SharedData:
        """Shared data by key. Its method `of(vm_id)` returns the data of one vm_id."""
        return SharedData(self._components.server.shared)

    @property
    def state(self) -> str:
        """`running`, `failed` (a worker's VM has failed), or `closed`."""
        return self._components.state

    @property
    def vms(self) -> list[Vm]:
        """VMs that aren't closed, in the order of their creation."""
        return self._components.vms

    def tree(self) -> TreeNode:
        """Return the threads, VMs, plugin contexts and live streams as they are now."""
        return build_tree(self._components)

    def python_state(self, *, worker: int | None = None, length: int = LENGTH) -> PythonState:
        """Return the Python state of every VM: attributes of contexts and classes, and variables of the module.

        It is read from copies of the VMs, so that a filter's `__repr__` has no effect on the proxy. For a VM that can't be
        read, such as a module in another language, `problem` gives the reason.

        Parameters
        ----------
        worker
            Number of the worker whose VMs are read, or 0 for the main thread. By default, all VMs are read.
        length
            Most characters of a value (default 200).

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
        """Explain in words why an exchange waits or failed.

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
    """Return an exchange by its number, or the last one."""
    candidates = [exchange for exchange in components.exchanges if number in (None, exchange.number)]
    if not candidates:
        if number is None:
            raise UsageError("There is no exchange yet. Send a request first.")
        raise UsageError(f"There is no exchange {number}. `proxy.exchanges` lists those that are kept.")
    return candidates[-1]
