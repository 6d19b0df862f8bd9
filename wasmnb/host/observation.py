"""What there is to see of a simulated proxy: trace, log, metrics, state, the tree, and explanations."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from .. import _hooks
from .._display import visible
from ..errors import UsageError
from .client_streams import Stream, TcpConnection
from .event_loop import Running
from .inspect.explain import Explanation, explain
from .inspect.python_state import LENGTH, PythonState, read_python_state
from .inspect.tree import TreeNode, build_tree
from .state.shared_data import SharedData
from .trace.exchange import ExchangeBase

if TYPE_CHECKING:
    from .callouts.record import Callout
    from .clock import Thread
    from .plugins.vm_registry import VmRegistry
    from .state.metrics import Metrics
    from .trace.exchange_log import Exchanges
    from .trace.log import Log
    from .trace.trace import Trace
    from .upstream.cluster import Cluster
    from .vm.vm import Vm

__all__ = ["Observed"]


class Observed(Running):
    """The part of a proxy that its spectators meet.

    Attributes
    ----------
    exchanges
        Requests and connections, the last ten thousand.
    left_out
        What `from_envoy` found in the configuration and has no part for: sentences with lines.
    """

    name: str
    exchanges: Exchanges
    left_out: list[str]
    _main: Thread
    _registry: VmRegistry
    _closed = False

    @property
    def trace(self) -> Trace:
        """Every crossing between host and guests, and what happened around them."""
        return self._server.trace

    @property
    def log(self) -> Log:
        """What filters and Envoy have written."""
        return self._server.log

    @property
    def metrics(self) -> Metrics:
        """The filters' metrics by name; Envoy's own in `.envoy`."""
        return self._server.metrics

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Upstreams by name, the main one as `upstream`; `.alive = False` takes one down."""
        return self._server.clusters

    @property
    def callouts(self) -> list[Callout]:
        """Callouts that filters have made, the last ten thousand."""
        return self._server.callouts.all()

    @property
    def shared_data(self) -> SharedData:
        """Shared data by key; `.of(vm_id)` for one vm_id."""
        return SharedData(self._server.shared)

    @property
    def state(self) -> str:
        """`running`, `failed` (a worker's VM has failed), or `closed`."""
        if self._closed:
            return "closed"
        return "failed" if any(vm.failed for vm in self._registry.vms()) else "running"

    @property
    def vms(self) -> list[Vm]:
        """Living VMs, in the order in which they were made."""
        return [vm for vm in self._registry.vms() if not vm.closed]

    def panel(self) -> Any:
        """The live panel of this proxy, for a notebook; the same one each time."""
        return _hooks.panel_of(self)

    def export(self, folder: str | PathLike[str], **options: Any) -> Any:
        """Write the plugins down for deployment: modules, `envoy.yaml`, manifests, an OCI image and a README.

        Parameters
        ----------
        folder
            Is made if it is not there, and filled completely or not at all.
        options
            `registry`, `tag`, `port`, `admin_port`, `force`: as for `wasmnb.envoy.export`.
        """
        return _hooks.export(self, folder, **options)

    def tree(self) -> TreeNode:
        """Threads, VMs, plugin contexts and live streams as they are now."""
        return build_tree(self)

    def python_state(self, *, worker: int | None = None, length: int = LENGTH) -> PythonState:
        """What the Python inside every VM holds: attributes of contexts and classes, and variables of the module.

        VMs are read through copies of them, so that nothing which a filter's `__repr__` does can be noticed. One that
        cannot be read (a module from elsewhere, a `__repr__` without end) says why.

        Parameters
        ----------
        worker
            Only this worker's VMs.
        length
            Characters of a value.
        """
        self._check_open()
        wanted = [vm for vm in self.vms if worker is None or vm.thread.number == worker]
        with self._server.engine.interrupts:
            return read_python_state(self.name, wanted, length=length)

    def explain(self, what: ExchangeBase | Stream | TcpConnection | int | None = None) -> Explanation:
        """What an exchange waits for or why it failed, in words.

        Parameters
        ----------
        what
            An exchange, its number, or the stream or connection; by default the last one.
        """
        if isinstance(what, Stream | TcpConnection):
            what = what.exchange
        if what is None or isinstance(what, int):
            found = [x for x in self.exchanges if what is None or x.number == what]
            if not found:
                raise UsageError(f"There is no exchange {what if what is not None else ''}".rstrip() + ".")
            what = found[-1]
        return explain(self, what)

    def _thread_names(self) -> list[tuple[int, str]]:
        return [(self._main.number, self._main.name), *((w.thread.number, w.name) for w in self.workers)]

    def __repr__(self) -> str:
        counts = f"{len(self.workers)} workers, {self.exchanges.made} exchanges"
        return f"<Proxy {visible(self.name)}: {counts}, {self.state}>"
