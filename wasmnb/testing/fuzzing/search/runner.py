"""Sessions, which run scenarios on a simulated proxy and classify their outcomes.

Faults are traps and exceptions that end a stream, callbacks stopped at the deadline (hangs), streams that are still paused
after a virtual minute, and uses of the ABI that would crash Envoy. Memory is measured in `memory_soak`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Self

from ....errors import FilterTrap
from ....host import Cluster, Plugin, Proxy
from ....parsing.tracebacks import summary_of
from ...assertions.soundness import failure_text, stuck, tracebacks
from ...upstreams import upstream
from ..scenarios.scenario import HttpServiceResponse, Scenario, ServiceResponse, TcpServiceResponse
from .alarm import alarm
from .clusters import OnDemandClusters
from .player import Player

__all__ = ["FilterFault", "Session", "Settings"]

#: Smallest deadline for the start of a filter, in real seconds. The machine may be busy.
_START_DEADLINE = 10.0


@dataclass(frozen=True)
class Settings:
    """Settings of the proxies of a search.

    Attributes
    ----------
    filter
        A `Filter`, or a list of filters and plugins.
    config
        Plugin configuration of a single filter (default none).
    vm_config
        VM configuration of a single filter (default none).
    workers
        Number of workers (default 1). Some faults with shared data and queues need several workers.
    clusters
        Services by cluster name (default none). Other clusters send the responses of the scenario.
    deadline
        Real seconds after which a callback is considered a hang (default 1).
    kind
        Filter chain of a single filter: `http` or `network` (default `http`).
    service
        Response of services without a script (default: status 200 without a body).
    """

    filter: Any
    config: Any = None
    vm_config: Any = None
    workers: int = 1
    clusters: Mapping[str, Any] | None = None
    deadline: float = 1.0
    kind: str = "http"
    service: ServiceResponse = field(default_factory=HttpServiceResponse)

    @property
    def plugins(self) -> Any:
        """The filters in the form that `Proxy` accepts."""
        if isinstance(self.filter, list | tuple | Plugin):
            return self.filter
        return Plugin(self.filter, config=self.config, vm_config=self.vm_config, kind=self.kind)

    @property
    def network(self) -> bool:
        """Whether clients open TCP connections instead of sending requests."""
        return any(getattr(item, "kind", "http") == "network" for item in self._items)

    @property
    def native(self) -> bool:
        """Whether a filter runs natively."""
        return any(getattr(getattr(item, "filter", item), "is_native", False) for item in self._items)

    @property
    def in_wasm(self) -> Settings:
        """Copy of these settings in which all filters run as Wasm."""
        if not self.native:
            return self
        plugins = [item if isinstance(item, Plugin) else Plugin(item) for item in self._items]
        return replace(self, filter=[plugin.in_wasm for plugin in plugins])

    @property
    def _items(self) -> list[Any]:
        plugins = self.plugins
        return list(plugins) if isinstance(plugins, list | tuple) else [plugins]


@dataclass(frozen=True)
class FilterFault:
    """A fault of a filter that occurred in a scenario.

    Attributes
    ----------
    kind
        Kind of the fault: `trap`, `hang`, `stuck`, `growth` or `misuse`.
    message
        Description of the fault, with the traceback if there is one.
    signature
        Name of the callback and exception or last line of the message, without digits. Occurrences of the same fault have equal signatures.
    """

    kind: str
    message: str
    signature: str


class Session:
    """A proxy that runs scenarios one after another. Use it as a context manager.

    Parameters
    ----------
    settings
        Settings of the proxy.

    Raises
    ------
    FilterTrap
        The filter fails when it starts.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._upstream, self._services = upstream(), upstream()
        self.proxy = Proxy(
            settings.plugins, workers=settings.workers, upstream=self._upstream, clusters=settings.clusters,
            deadline=max(settings.deadline, _START_DEADLINE), guest_time=1e-4, idle_timeout=0.0, trace_limit=20_000,
        )  # fmt: skip
        self.native = settings.native
        for vm in () if self.native else self.proxy.vms:
            vm.instance.deadline = settings.deadline  # type: ignore[attr-defined]
        self.clusters = OnDemandClusters(self.proxy.clusters, self._cluster)
        self.proxy.server.clusters = self.clusters

    def _cluster(self, name: str) -> Cluster:
        return Cluster(self._services, name, http2="grpc" in name)

    def run(self, scenario: Scenario) -> FilterFault | None:
        """Run `scenario` and end its open streams. Returns the fault, or None if the filter didn't fail."""
        settings = self.settings
        default = TcpServiceResponse(b"ok\n") if settings.network else HttpServiceResponse()
        player = Player(self.proxy, (self._upstream, default), (self._services, settings.service), self.clusters)
        try:
            with alarm(settings.deadline if self.native else None) as clock:
                player.play(scenario)
        except FilterTrap as trap:
            return FilterFault("trap", str(trap), str(trap))
        if clock.fired:
            return FilterFault("hang", f"stopped: a callback was still running after {settings.deadline:g} s", "native")
        return self._fault(player)

    # -- outcome --------------------------------------------------------------------------------------------------

    def _fault(self, player: Player) -> FilterFault | None:
        vm = player.failed()
        if vm is not None and vm.failure is not None:
            text = failure_text(vm.failure)
            return FilterFault(
                "hang" if vm.failure.timed_out else "trap",
                text,
                f"{vm.failure.callback} {_without_digits(summary_of(text))}",
            )
        logged = tracebacks(self.proxy.log.since(player.log_start))
        if logged:
            return FilterFault("trap", logged[0], _without_digits(summary_of(logged[0])))
        recent = takewhile(lambda exchange: exchange.number > player.last_before, reversed(self.proxy.exchanges))
        crash = next((exchange.crash for exchange in recent if exchange.crash is not None), None)
        if crash is not None:
            return FilterFault("misuse", crash.note, crash.note)
        paused = next(
            (exchange for exchange in reversed(stuck(self.proxy, player.last_before)) if exchange.paused), None
        )
        if paused is not None:
            return FilterFault(
                "stuck", f"{_title(paused)} is never resumed: {paused.paused}, and nothing is pending", paused.paused
            )
        return None

    def features(self) -> frozenset[str]:
        """Return the different events of the last scenario. A new kind of event means that the filter showed new behaviour."""
        trace = self.proxy.trace
        features = set()
        previous = ""
        for event in trace:
            if event.kind not in ("callback", "hostcall", "stream", "log"):
                continue
            status = getattr(event.status, "name", event.status)
            detail = event.args.get("status", event.args.get("code", "")) if event.kind == "stream" else ""
            result = event.result if event.kind == "callback" else ""
            name = f"{event.name}:{status}:{detail}:{result}"
            features.add(name)
            features.add(f"{previous}>{event.name}")
            previous = event.name
            if event.name == "log" or event.kind == "log":
                features.add(f"log {str(event.args.get('message', event.args.get('text', '')))[:40]}")
        trace.clear()
        return frozenset(features)

    def close(self) -> None:
        """Close the proxy."""
        self.proxy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _title(exchange: Any) -> str:
    request = getattr(exchange, "request", None)
    if request is None:
        return f"a TCP connection that sent {exchange.sent[:60]!r}"
    return f"{request.method} {request.path}"


def _without_digits(text: str) -> str:
    return "".join(c for c in text if not c.isdigit())
