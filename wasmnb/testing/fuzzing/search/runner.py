"""Runs scenarios on a simulated proxy and says what is wrong with the outcome, if anything is.

Four things are: a trap (or an exception that ended a stream), a hang (a callback that the deadline stopped), a stream that
is still held when a virtual minute has passed, and use of the ABI that would crash Envoy. Memory is looked at elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Self

from ....errors import FilterTrap
from ....host import Cluster, Plugin, Proxy
from ...assertions.soundness import failure_text, stuck, tracebacks
from ...upstreams import upstream
from ..scenarios.scenario import Answer, Reply, Scenario, TcpAnswer
from .alarm import alarm
from .clusters import AnyCluster
from .player import Player

__all__ = ["Fault", "Session", "Settings"]

#: Real seconds that a filter has for its start, whatever its callbacks are given: a busy machine is no fault of its.
_STARTING = 10.0


@dataclass(frozen=True)
class Settings:
    """How the proxy is made.

    Attributes
    ----------
    filter
        A `Filter`, or a list of filters and plugins.
    config, vm_config
        Of the one filter.
    workers
        More than one for what workers do to each other, through shared data and queues.
    clusters
        Named services with answers of their own; any other name is answered by the scenario.
    deadline
        Real seconds after which a callback counts as hanging.
    kind
        Where a single filter stands: `http` or `network`.
    service
        What clusters answer when the scenario says nothing.
    """

    filter: Any
    config: Any = None
    vm_config: Any = None
    workers: int = 1
    clusters: Mapping[str, Any] | None = None
    deadline: float = 1.0
    kind: str = "http"
    service: Reply = field(default_factory=Answer)

    @property
    def plugins(self) -> Any:
        """What the proxy runs."""
        if isinstance(self.filter, list | tuple | Plugin):
            return self.filter
        return Plugin(self.filter, config=self.config, vm_config=self.vm_config, kind=self.kind)

    @property
    def network(self) -> bool:
        """Whether clients open TCP connections rather than send requests."""
        return any(getattr(item, "kind", "http") == "network" for item in self._each)

    @property
    def native(self) -> bool:
        """Whether a filter is run by this Python."""
        return any(getattr(getattr(item, "filter", item), "is_native", False) for item in self._each)

    @property
    def in_wasm(self) -> Settings:
        """The same with every filter as Wasm."""
        if not self.native:
            return self
        plugins = [item if isinstance(item, Plugin) else Plugin(item) for item in self._each]
        return replace(self, filter=[plugin.in_wasm for plugin in plugins])

    @property
    def _each(self) -> list[Any]:
        plugins = self.plugins
        return list(plugins) if isinstance(plugins, list | tuple) else [plugins]


@dataclass(frozen=True)
class Fault:
    """What is wrong.

    Attributes
    ----------
    kind
        `trap`, `hang`, `stuck`, `growth` or `misuse`.
    message
        What happened, with the traceback if there is one.
    where
        What tells one fault from another: the callback and the last line of the message, without numbers.
    """

    kind: str
    message: str
    where: str


class Session:
    """A proxy that scenarios are run on, one after the other. A context manager.

    Raises
    ------
    FilterTrap
        The filter does not start.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._upstream, self._services = upstream(), upstream()
        self.proxy = Proxy(
            settings.plugins, workers=settings.workers, upstream=self._upstream, clusters=settings.clusters,
            deadline=max(settings.deadline, _STARTING), guest_time=1e-4, idle_timeout=0.0, trace_limit=20_000,
        )  # fmt: skip
        self.native = settings.native
        for vm in () if self.native else self.proxy.vms:
            vm.instance.deadline = settings.deadline  # type: ignore[attr-defined]
        self.clusters = AnyCluster(self.proxy.clusters, self._cluster)
        self.proxy.server.clusters = self.clusters

    def _cluster(self, name: str) -> Cluster:
        return Cluster(self._services, name, http2="grpc" in name)

    def run(self, scenario: Scenario) -> Fault | None:
        """Run it once, end what it left open, and look at the outcome."""
        settings = self.settings
        otherwise = TcpAnswer(b"ok\n") if settings.network else Answer()
        player = Player(self.proxy, (self._upstream, otherwise), (self._services, settings.service), self.clusters)
        try:
            with alarm(settings.deadline if self.native else None) as clock:
                player.play(scenario)
        except FilterTrap as trap:
            return Fault("trap", str(trap), str(trap).splitlines()[-1])
        if clock.rang:
            return Fault("hang", f"stopped: a callback was still running after {settings.deadline:g} s", "native")
        return self._judge(player)

    # -- outcome --------------------------------------------------------------------------------------------------

    def _judge(self, player: Player) -> Fault | None:
        vm = player.failed()
        if vm is not None and vm.failure is not None:
            hang = vm.failure.message.startswith("stopped: ")
            text = failure_text(vm.failure)
            return Fault("hang" if hang else "trap", text, f"{vm.failure.callback} {_last_line(text)}")
        found = tracebacks(self.proxy.log.since(player.lines))
        if found:
            return Fault("trap", found[0], _last_line(found[0]))
        recent = takewhile(lambda x: x.number > player.first, reversed(self.proxy.exchanges))
        notes = [note for x in recent for note in getattr(x, "notes", ())]
        crash = next((note for note in notes if "crash" in note), None)
        if crash is not None:
            return Fault("misuse", crash, crash)
        held = next((x for x in reversed(stuck(self.proxy, player.first)) if x.paused), None)
        if held is not None:
            return Fault(
                "stuck", f"{_title(held)} is never answered: {held.paused}, and nothing is pending", held.paused
            )
        return None

    def features(self) -> frozenset[str]:
        """What the last scenario made happen, for telling scenarios that are new from those that are not."""
        trace = self.proxy.trace
        found = set()
        previous = ""
        for event in trace:
            if event.kind not in ("callback", "hostcall", "stream", "log"):
                continue
            status = getattr(event.status, "name", event.status)
            detail = event.args.get("status", event.args.get("code", "")) if event.kind == "stream" else ""
            result = event.result if event.kind == "callback" else ""
            name = f"{event.name}:{status}:{detail}:{result}"
            found.add(name)
            found.add(f"{previous}>{event.name}")
            previous = event.name
            if event.name == "log" or event.kind == "log":
                found.add(f"log {str(event.args.get('message', event.args.get('text', '')))[:40]}")
        trace.clear()
        return frozenset(found)

    def close(self) -> None:
        """Drop the proxy."""
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


def _last_line(text: str) -> str:
    line = text.strip().splitlines()[-1] if text.strip() else ""
    return "".join(c for c in line if not c.isdigit())
