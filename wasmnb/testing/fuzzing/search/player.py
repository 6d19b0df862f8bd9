"""Plays the steps of a scenario on a simulated proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....errors import UsageError
from ....host import Proxy, Stream, TcpConnection
from ....host.vm.vm import Vm
from ...assertions.soundness import wait_for_all
from ...events import enqueue, reconfigure
from ...upstreams import ScriptedUpstream
from ..scenarios.scenario import (  # fmt: skip  # fmt: skip
    Body,
    Close,
    Connect,
    Data,
    Enqueue,
    Leave,
    Open,
    Pass,
    Reconfigure,
    Reply,
    Scenario,
    Script,
    Send,
    Settle,
    Step,
    Trailers,
)
from .clusters import AnyCluster

__all__ = ["Player"]


class Player:
    """One run of a scenario.

    Parameters
    ----------
    upstream, services
        What answers, and what each says when the scenario does not.
    clusters
        Where the services are.

    Attributes
    ----------
    first
        Number of the last exchange before the run.
    lines
        Lines that the log had before the run, or before the last configuration that was refused: what the filter says
        about a configuration that it refuses is no fault of its own.
    excused
        VMs that failed over such a configuration.
    """

    def __init__(
        self,
        proxy: Proxy,
        upstream: tuple[ScriptedUpstream, Reply],
        services: tuple[ScriptedUpstream, Reply],
        clusters: AnyCluster,
    ) -> None:
        self.proxy = proxy
        self.clusters = clusters
        self.upstream, self.services = upstream, services
        self.first = proxy.exchanges[-1].number if proxy.exchanges else 0
        self.lines = proxy.log.written
        self.excused: list[Vm] = []
        self._open: dict[int, Stream | TcpConnection] = {}
        self._ended: set[int] = set()

    def failed(self) -> Vm | None:
        """A VM that has failed."""
        return next((vm for vm in self.proxy.vms if vm.failed and vm not in self.excused), None)

    def play(self, scenario: Scenario) -> None:
        """All steps up to the first failure, and the end of everything that is open; raises FilterTrap as the proxy does."""
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
            case Body() | Trailers() | Data() | Close() | Leave():
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
                wait_for_all(self.proxy, self.first)

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

    def _on_stream(self, step: Body | Trailers | Data | Close | Leave) -> None:
        stream = self._open.get(step.stream)
        if stream is None or (step.stream in self._ended and not isinstance(step, Leave)):
            return
        match step, stream:
            case Body(), Stream():
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
        """A client that has said something says all of it: what stays held then is the filter's doing."""
        for name, stream in self._open.items():
            if name in self._ended or stream.exchange.done:
                continue
            self._ended.add(name)
            if isinstance(stream, Stream):
                stream.send_body(b"", end=True)
            else:
                stream.end()

    # -- what is around them ----------------------------------------------------------------------------------------

    def _script(self, step: Script) -> None:
        for (server, otherwise), answers in ((self.upstream, step.answers), (self.services, step.services)):
            _rewrite(server, answers, otherwise)
        self.clusters.populate(int(step.hosts))

    def _reconfigure(self, step: Reconfigure) -> None:
        if reconfigure(self.proxy, step.config):
            self.proxy.advance(2.0)  # the old configuration drains
            return
        self.lines = self.proxy.log.written
        self.excused += [vm for vm in self.proxy.vms if vm.failed and not vm.thread.number]

    def _enqueue(self, step: Enqueue) -> None:
        try:
            enqueue(self.proxy, step.queue, step.item)
        except UsageError:
            return  # no filter has registered such a queue (yet)


def _rewrite(server: ScriptedUpstream, answers: Sequence[Reply], otherwise: Reply) -> None:
    server.script(*[a.scripted() for a in answers or (otherwise,)])
    server.seen.clear()
