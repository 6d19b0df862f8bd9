"""Observation of a running proxy: its tree, the state inside its VMs, and explanations of exchanges."""

from __future__ import annotations

from ..errors import UsageError
from .client_streams import Stream, TcpConnection
from .components import ProxyComponents
from .inspect.explain import Explanation, explain
from .inspect.python_state import PythonState, read_python_state
from .inspect.tree import TreeNode, build_tree
from .trace.exchange import ExchangeBase

__all__ = ["Observation"]


class Observation:
    """Reads a proxy without changing it."""

    def __init__(self, components: ProxyComponents) -> None:
        self._components = components

    def tree(self) -> TreeNode:
        """Return the threads, VMs, plugin contexts and live streams as they are now."""
        return build_tree(self._components)

    def python_state(self, worker: int | None, length: int) -> PythonState:
        """Return the state inside VMs; `Proxy.python_state` documents the parameters."""
        parts = self._components
        parts.loop.check_open()
        vms = [vm for vm in parts.vms if worker is None or vm.thread.number == worker]
        with parts.server.engine.interrupts:
            return read_python_state(parts.name, vms, length=length)

    def explain(self, exchange: ExchangeBase | Stream | TcpConnection | int | None) -> Explanation:
        """Return an explanation; `Proxy.explain` documents the parameter."""
        if isinstance(exchange, Stream | TcpConnection):
            exchange = exchange.exchange
        if exchange is None or isinstance(exchange, int):
            exchange = self._find(exchange)
        return explain(self._components, exchange)

    def _find(self, number: int | None) -> ExchangeBase:
        """An exchange by its number, or the last one."""
        candidates = [x for x in self._components.exchanges if number in (None, x.number)]
        if not candidates:
            text = "There is no exchange yet." if number is None else f"There is no exchange {number}."
            raise UsageError(f"{text} `proxy.exchanges` has all that are kept.")
        return candidates[-1]
