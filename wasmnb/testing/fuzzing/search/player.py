"""Execution of a scenario's steps on a simulated proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....errors import UsageError
from ....host import Proxy, Stream, TcpConnection
from ....host.vm.vm import Vm
from ...assertions.soundness import wait_for_all
from ...events import enqueue, reconfigure
from ...upstreams import ScriptedUpstream
from ..scenarios.scenario import (  # fmt: skip
    BodyChunk,
    Close,
    Connect,
    Data,
    Enqueue,
    Leave,
    Open,
    Pass,
    Reconfigure,
    Scenario,
    Script,
    Send,
    ServiceResponse,
    Settle,
    Step,
    Trailers,
)
from .clusters import OnDemandClusters

__all__ = ["Player"]


class Player:
    """One run of a scenario on a simulated proxy.

    Parameters
    ----------
    proxy
        Proxy with the filter.
    upstream
        Scripted upstream of the proxy, and the response that it sends without a script.
    services
        Scripted upstream for all services, and the response that it sends without a script.
    clusters
        Clusters of the services.

    Attributes
    ----------
    last_before
        Number of the last exchange before this run.
    log_start
        Number of log lines before this run, or before the last refused configuration. (Errors logged because a configuration
        is refused aren't faults.)
    ignored_vms
        VMs that failed while they refused a configuration, which isn't a fault.
    """

    def __init__(
        self,
        proxy: Proxy,
        upstream: tuple[ScriptedUpstream, ServiceResponse],
        services: tuple[ScriptedUpstream, ServiceResponse],
        clusters: OnDemandClusters,
    ) -> None:
        self.proxy = proxy
        self.clusters = clusters
        self.upstream, self.services = upstream, services
        self.last_before = proxy.exchanges[-1].number if proxy.exchanges else 0
        self.log_start = proxy.log.written
        self.ignored_vms: list[Vm] = []
        self._open: dict[int, Stream | TcpConnection] = {}
        self._ended: set[int] = set()

    def failed(self) -> Vm | None:
        """Return a VM that has failed, or None."""
        return next((vm for vm in self.proxy.vms if vm.failed and vm not in self.ignored_vms), None)

    def play(self, scenario: Scenario) -> None:
        """Run all steps up to the first failure, then end all open streams. Raises FilterTrap if the proxy raises it."""
        self._script(Script())
        for step in (*scenario.steps, Settle()):
            if self.failed() is not None:
                return
            self._step(step)

    def _step(self, step: Step) -> None:
        match step:
            case Send():
                self._send(step)
            case Open() | Connect():
                if step.stream not in self._open:
                    self._begin(step)
            case BodyChunk() | Trailers() | Data() | Close() | Leave():
                self._on_stream(step)
            case Pass():
                self.proxy.advance(step.seconds)
            case Script():
                self._script(step)
            case Reconfigure():
                self._reconfigure(step)
            case Enqueue():
                self._enqueue(step)
            case Settle():
                self._end_all()
                wait_for_all(self.proxy, self.last_before)

    def _worker(self, number: int) -> int:
        return 1 + (number - 1) % len(self.proxy.workers)

    # -- streams --------------------------------------------------------------------------------------------------

    def _send(self, step: Send) -> None:
        body: dict[str, Any] = {"body": step.body} if step.chunks is None else {"chunks": step.chunks}
        self.proxy.request(
            step.method, step.path, step.headers, trailers=step.trailers, http2=step.http2, wait=0.0,
            worker=self._worker(step.worker), **body,
        )  # fmt: skip

    def _begin(self, step: Open | Connect) -> None:
        worker = self._worker(step.worker)
        if isinstance(step, Connect):
            self._open[step.stream] = self.proxy.connect(worker=worker)
            return
        self._open[step.stream] = self.proxy.open(
            step.method, step.path, step.headers, end=step.end, http2=step.http2, worker=worker
        )
        if step.end:
            self._ended.add(step.stream)

    def _on_stream(self, step: BodyChunk | Trailers | Data | Close | Leave) -> None:
        stream = self._open.get(step.stream)
        if stream is None or (step.stream in self._ended and not isinstance(step, Leave)):
            return
        match step, stream:
            case BodyChunk(), Stream():
                stream.send_body(step.data, end=step.end)
            case Trailers(), Stream():
                stream.send_trailers(step.headers)
            case Data(), TcpConnection():
                stream.send(step.data, end=step.end)
            case Close(), TcpConnection():
                stream.close()
            case Leave(), _:
                stream.reset()
            case _:
                return
        if getattr(step, "end", True):
            self._ended.add(step.stream)

    def _end_all(self) -> None:
        """End the requests of all open streams. A stream that still doesn't end is then paused by the filter."""
        for name, stream in self._open.items():
            if name in self._ended or stream.exchange.done:
                continue
            self._ended.add(name)
            if isinstance(stream, Stream):
                stream.send_body(b"", end=True)
            else:
                stream.end()

    # -- upstreams and events -------------------------------------------------------------------------------------

    def _script(self, step: Script) -> None:
        for (server, default), responses in ((self.upstream, step.responses), (self.services, step.services)):
            _set_script(server, responses, default)
        self.clusters.set_hosts(int(step.hosts))

    def _reconfigure(self, step: Reconfigure) -> None:
        if reconfigure(self.proxy, step.config):
            self.proxy.advance(2.0)  # streams of the old configuration end
            return
        self.log_start = self.proxy.log.written
        self.ignored_vms += [vm for vm in self.proxy.vms if vm.failed and not vm.thread.number]

    def _enqueue(self, step: Enqueue) -> None:
        try:
            enqueue(self.proxy, step.queue, step.item)
        except UsageError:
            return  # the filter hasn't registered the queue yet


def _set_script(server: ScriptedUpstream, responses: Sequence[ServiceResponse], default: ServiceResponse) -> None:
    server.script(*[a.as_step() for a in responses or (default,)])
    server.seen.clear()
