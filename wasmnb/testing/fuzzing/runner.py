"""Runs scenarios on a simulated proxy and says what is wrong with the outcome, if anything is.

Four things are: a trap (or an exception that ended a stream), a hang (a callback that the deadline stopped), a stream that
is still held when a virtual minute has passed, and use of the ABI that would crash Envoy. Memory is looked at elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self

from ...errors import FilterTrap
from ...host import Cluster, Proxy, Stream
from ..soundness import failure_text, stuck, tracebacks, wait_for_all
from ..upstreams import ScriptedUpstream, upstream
from .scenario import Answer, Body, Leave, Open, Pass, Scenario, Script, Send, Settle, Step, Trailers

__all__ = ["Fault", "Session", "Settings"]


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
        More than one only if the filter shares state between them.
    clusters
        Named services with answers of their own; any other name is answered by the scenario.
    deadline
        Real seconds after which a callback counts as hanging.
    """

    filter: Any
    config: Any = None
    vm_config: Any = None
    workers: int = 1
    clusters: Mapping[str, Any] | None = None
    deadline: float = 1.0


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


class _AnyCluster(dict[str, Any]):
    """Clusters by name; one that nobody made answers as the scenario says."""

    def __init__(self, known: Mapping[str, Any], make: Any) -> None:
        super().__init__(known)
        self.make = make
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 -- dict's signature
        """The cluster, made if it is new."""
        if name not in self:
            self.asked.add(name)
            self[name] = self.make(name)
        return self[name]


class Session:
    """A proxy that scenarios are run on, one after the other. A context manager.

    Raises
    ------
    FilterTrap
        The filter does not start.
    """

    def __init__(self, settings: Settings) -> None:
        self._upstream, self._services = upstream(), upstream()
        single = {"config": settings.config, "vm_config": settings.vm_config}
        told = {name: value for name, value in single.items() if value is not None}
        self.proxy = Proxy(
            settings.filter, workers=settings.workers, upstream=self._upstream, deadline=settings.deadline,
            clusters=settings.clusters, guest_time=1e-4, idle_timeout=0.0, trace_limit=20_000, **told,
        )  # fmt: skip
        environment = self.proxy._environment
        self.clusters = _AnyCluster(environment.clusters, self._cluster)
        environment.clusters = self.clusters
        self._open: dict[int, Stream] = {}
        self._ended: set[int] = set()
        self._first = 0

    def _cluster(self, name: str) -> Cluster:
        return Cluster(self._services, name, http2="grpc" in name)

    def run(self, scenario: Scenario) -> Fault | None:
        """Run it once, end what it left open, and look at the outcome."""
        self._step(Script())
        self._first = first = self._exchanges_made()
        lines = self.proxy.log.written
        self._open, self._ended = {}, set()
        try:
            for step in scenario.steps:
                self._step(step)
                if self._failed():
                    break
            if not self._failed():
                self._step(Settle())
        except FilterTrap as trap:
            return Fault("trap", str(trap), str(trap).splitlines()[-1])
        return self._judge(first, lines)

    def _exchanges_made(self) -> int:
        return self.proxy.exchanges[-1].number if self.proxy.exchanges else 0

    def _failed(self) -> bool:
        return any(vm.failed for vm in self.proxy.vms)

    # -- steps ----------------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        proxy = self.proxy
        match step:
            case Send():
                body = {"body": step.body} if step.chunks is None else {"chunks": step.chunks}
                proxy.request(
                    step.method,
                    step.path,
                    step.headers,
                    trailers=step.trailers,
                    http2=step.http2,
                    wait=0.0,
                    worker=1,
                    **body,
                )
            case Open() if step.stream not in self._open:
                opened = proxy.open(
                    step.method,
                    step.path,
                    step.headers,
                    end=step.end,
                    http2=step.http2,
                    worker=1 + step.stream % len(proxy.workers),
                )
                self._open[step.stream] = opened
                if step.end:
                    self._ended.add(step.stream)
            case Pass():
                proxy.advance(step.seconds)
            case Script():
                _script(self._upstream, step.answers)
                _script(self._services, step.services)
            case Settle():
                self._end_all()
                wait_for_all(proxy, self._first)
            case Body() | Trailers() | Leave():
                self._on_stream(step)

    def _on_stream(self, step: Body | Trailers | Leave) -> None:
        stream = self._open.get(step.stream)
        if stream is None or (step.stream in self._ended and not isinstance(step, Leave)):
            return
        match step:
            case Body():
                stream.send_body(step.data, end=step.end)
                if step.end:
                    self._ended.add(step.stream)
            case Trailers():
                stream.send_trailers(step.headers)
                self._ended.add(step.stream)
            case Leave():
                stream.reset()
                self._ended.add(step.stream)

    def _end_all(self) -> None:
        """A client that has said something says all of it: what stays held then is the filter's doing."""
        for name, stream in self._open.items():
            if name not in self._ended and not stream.exchange.done:
                stream.send_body(b"", end=True)

    # -- outcome --------------------------------------------------------------------------------------------------

    def _judge(self, first: int, lines: int) -> Fault | None:
        for vm in self.proxy.vms:
            if vm.failed and vm.failure is not None:
                hang = vm.failure.message.startswith("stopped: ")
                text = failure_text(vm.failure)
                return Fault("hang" if hang else "trap", text, f"{vm.failure.callback} {_last_line(text)}")
        found = tracebacks(self.proxy.log.since(lines))
        if found:
            return Fault("trap", found[0], _last_line(found[0]))
        recent = takewhile(lambda x: x.number > first, reversed(self.proxy.exchanges))
        notes = [note for x in recent for note in getattr(x, "notes", ())]
        crash = next((note for note in notes if "crash" in note), None)
        if crash is not None:
            return Fault("misuse", crash, crash)
        held = next((x for x in reversed(stuck(self.proxy, first)) if x.paused), None)
        if held is not None:
            request = f"{held.request.method} {held.request.path}"
            return Fault("stuck", f"{request} is never answered: {held.paused}, and nothing is pending", held.paused)
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


def _script(service: ScriptedUpstream, answers: Sequence[Answer]) -> None:
    service.script(*[a.response() for a in answers or (Answer(),)])
    service.seen.clear()


def _last_line(text: str) -> str:
    line = text.strip().splitlines()[-1] if text.strip() else ""
    return "".join(c for c in line if not c.isdigit())
