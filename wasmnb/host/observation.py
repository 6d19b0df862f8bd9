"""Observation of a proxy: trace, log, metrics and state, the tree, the state inside its VMs, explanations of exchanges."""

from __future__ import annotations

from ..errors import UsageError
from .callouts.record import Callout
from .client.streams import Stream, TcpConnection
from .clock import check_worker
from .components import ProxyComponents
from .inspect.explain import Explanation, explain
from .inspect.python_state import LENGTH, PythonState, read_python_state
from .inspect.tree import TreeNode, build_tree
from .state.metrics import Metrics
from .state.shared_data import SharedData
from .trace.exchange import ExchangeBase
from .trace.log import Log
from .trace.trace import Trace
from .upstream.cluster import Cluster
from .vm.vm import Vm

__all__ = ["Observed"]


class Observed:
    """The part of a proxy that shows what it does, and changes nothing. It has no state of its own."""

    _components: ProxyComponents

    @property
    def trace(self) -> Trace:
        """Every call between host and guests, and the events around them."""
        return self._components.server.trace

    @property
    def log(self) -> Log:
        """Lines that filters and Envoy wrote."""
        return self._components.server.log

    @property
    def metrics(self) -> Metrics:
        """The filters' metrics by name; Envoy's own are in `.envoy`."""
        return self._components.server.metrics

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Upstreams by name, the main one as `upstream`. Set `.alive = False` to make one refuse connections."""
        return self._components.server.clusters

    @property
    def callouts(self) -> list[Callout]:
        """Callouts that filters made, the last ten thousand."""
        return self._components.server.callouts.all()

    @property
    def shared_data(self) -> SharedData:
        """Shared data by key; `.of(vm_id)` for one vm_id."""
        return SharedData(self._components.server.shared)

    @property
    def state(self) -> str:
        """`running`, `failed` (a worker's VM has failed), or `closed`."""
        return self._components.state

    @property
    def vms(self) -> list[Vm]:
        """Living VMs, in the order of their creation."""
        return self._components.vms

    def tree(self) -> TreeNode:
        """Return the threads, VMs, plugin contexts and live streams as they are now."""
        return build_tree(self._components)

    def python_state(self, *, worker: int | None = None, length: int = LENGTH) -> PythonState:
        """Return the state of the Python inside every VM: attributes of contexts and classes, and variables of the module.

        Copies of the VMs are read, so that a filter's `__repr__` has no effect on the proxy. A VM that can't be read (a
        module in another language, a `__repr__` without end) gives the reason.

        Parameters
        ----------
        worker
            Only the VMs of this worker; 0 is the main thread.
        length
            Characters of a value, at most.

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
            An exchange, its number, or its stream or connection; by default the last one.

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
        text = "There is no exchange yet." if number is None else f"There is no exchange {number}."
        raise UsageError(f"{text} `proxy.exchanges` has all that are kept.")
    return candidates[-1]
