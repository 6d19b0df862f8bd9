"""Run scenarios through the real Envoy."""

import contextlib
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import fields, replace

from wasmnb.abi import LogLevel
from wasmnb.envoy import EnvoyCluster, EnvoyPlugin, EnvoyProcess, EnvoyRefused, EnvoyListener, Upstream, bootstrap
from wasmnb.envoy.sockets.client import Client
from wasmnb.envoy.sockets.client_connection import ClientResult
from wasmnb.envoy.process import crash_of, scratch_folder
from wasmnb.envoy.config.bootstrap import merge
from wasmnb.messages import Headers, Request

from . import backends, normal
from .http2 import GrpcUpstream, http2_exchange, http2_request
from .modules import module
from .routes import CLUSTER_EXTRA, LISTENER_EXTRA, NODE, ROUTES
from .tcp_upstream import TcpUpstream
from .scenario import Http2, Outcome, Part, Plug, Raw, Scenario, Send, Shutdown, Step, Tcp, Update, Wait, Wire, title
from .wire import RawUpstream, converse

_SETTLE = 3.0
_ACCESS_LOG = "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog"


def run(scenario: Scenario) -> Outcome:
    """Return the outcome of a scenario in Envoy."""
    with RawUpstream(backends.Responses(), early=backends.early) as up, TcpUpstream() as tcp, GrpcUpstream() as grpc:
        try:
            bench = Bench(scenario, up, tcp, grpc)
        except EnvoyRefused as refusal:
            return Outcome(refused=_refusal(refusal))
        try:
            return _on_any_host(bench.run())
        finally:
            bench.process.close()


def _on_any_host(outcome: Outcome) -> Outcome:
    """Return an outcome with 127.0.0.1 instead of this machine's address, which Envoy uses to avoid loopback addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return outcome
        own = probe.getsockname()[0]
    for lines in [part.log for part in outcome.parts] + [outcome.upstream]:
        if any(own in line for line in lines):
            lines[:] = [line.replace(own, "127.0.0.1") for line in lines]
            if lines is outcome.upstream:  # sort again, because the text has changed
                lines[:] = [line for block in sorted(normal.blocks(lines)) for line in block]
    return outcome


class Bench:
    """One Envoy with a scenario's listener."""

    def __init__(self, scenario: Scenario, up: Upstream, tcp: TcpUpstream, grpc: GrpcUpstream) -> None:
        self.scenario, self.up, self.tcp_up, self.grpc = scenario, up, tcp, grpc
        scratch = scratch_folder()
        self.directory = scratch.path
        self.dynamic = any(isinstance(step, Update) for step in scenario.steps)
        self.port = _closed_port() if self.dynamic else 0
        self.process = EnvoyProcess(
            self._config(), concurrency=scenario.workers, scratch=scratch, arguments=["--drain-time-s", "1"],
        )  # fmt: skip
        self.lines = normal.Lines()
        self.read = 0

    def run(self) -> Outcome:
        outcome = Outcome()
        start = self.part("start", [])
        if self.scenario.show_start:
            outcome.parts.append(start)
        for step in self.scenario.steps:
            if isinstance(step, Shutdown) and self.scenario.stats:
                outcome.metrics = self.metrics()
            client = self.step(step)
            if not isinstance(step, Shutdown) and self.envoy_ended():
                outcome.parts.append(self.crashed(title(step)))
                break
            outcome.parts.append(self.part(title(step), client))
        if not self.envoy_ended():
            outcome.metrics = self.metrics()
        outcome.upstream = self.upstream()
        return outcome

    def upstream(self) -> list[str]:
        """Return the requests that all upstreams saw."""
        whole = [s for s in list(self.up.seen) if s.end == "complete" or not s.is_callout]
        http = [normal.upstream_lines(s.request, s.end) for s in whole]
        grpc = normal.blocks(normal.plain(line) for line in list(self.grpc.seen) if line != "  reset")
        return [line for block in sorted(http + grpc) for line in block] + list(self.tcp_up.seen)

    def metrics(self) -> list[str]:
        """Return counters and gauges of guests. If a counter and a gauge have the same name, Envoy shows the gauge."""
        entries = json.loads(self.process.admin.get("/stats?format=json&filter=%5Ewasmcustom"))["stats"]
        values = [(e["name"].removeprefix("wasmcustom."), e["value"]) for e in entries if "value" in e]
        custom = sorted(f"{name} {value}" for name, value in values if name != "wasmcustom")
        chosen = self.process.admin.stats(self.scenario.stats) if self.scenario.stats else {}
        return custom + [f"{name} = {value}" for name, value in sorted(chosen.items())]

    def envoy_ended(self) -> bool:
        """Return whether Envoy has ended, after a pause for one that is crashing."""
        if crash_of(self.process):
            time.sleep(0.2)
            return True
        return False

    def crashed(self, title: str) -> Part:
        """Return the outcome of a crash, with the beginning of the log, because its end is lost."""
        self.process.terminate()
        part = self.part(title, ["Envoy crashed"])
        part.log[8:] = ["..."] * (len(part.log) > 8)
        return part

    def step(self, step: Step) -> list[str]:
        """Run a step, and return the data received by the client."""
        match step:
            case Wait(seconds):
                time.sleep(seconds)
            case Shutdown():
                self.process.terminate()
            case Send() | Raw():
                return self.request(step)
            case Wire(moves, wait=wait):
                return self.wire(moves, wait)
            case Http2():
                received = http2_exchange(self.process.admin.listeners()["l"], step)
                self._settle()
                return normal.client_lines(*received)
            case Update(plugins, during):
                return self.update(plugins, during)
            case Tcp(moves, wait):
                return self.tcp(moves, wait)
        return []

    def request(self, step: Send | Raw) -> list[str]:
        """Send one request on a new connection."""
        if isinstance(step, Send) and step.http2:
            result = http2_request(self.process.admin.listeners()["l"], to_request(step), step.wait)
            self._settle()
            return normal.client_lines(*result)
        client = self._client(step.wait)
        try:
            return self._request(client, step)
        finally:
            client.close()
            self._settle()

    def wire(self, moves: bytes | Sequence[bytes | float], wait: float) -> list[str]:
        """Send bytes, and return all bytes that are received."""
        client = self._client(wait)
        try:
            return normal.wire_lines(*converse(client.socket, moves, wait))
        finally:
            client.close()
            self._settle()

    def update(self, plugins: Sequence[Plug], during: Send | None) -> list[str]:
        """Replace the listener, and wait until Envoy has accepted or refused it."""
        before = self.process.admin.stats("^listener_manager.lds.update_(success|rejected)$")
        client = self._client(during.wait) if during else None
        if client and during:
            client.send(to_request(during))
            time.sleep(0.1)
        self._write_listener(plugins)
        deadline = time.monotonic() + _SETTLE
        while time.monotonic() < deadline:
            if self.process.admin.stats("^listener_manager.lds.update_(success|rejected)$") != before:
                break
            time.sleep(0.01)
        time.sleep(0.3)  # the workers get it after the main thread
        if client is None:
            return []
        result = client.read_response()
        client.close()
        self._settle()
        return normal.client_lines(result.response, _end(result))

    def tcp(self, moves: Sequence[bytes | float | str], wait: float) -> list[str]:
        """Run the moves of one TCP connection, and return the data received by the client."""
        client = self._client(wait)
        shown = [line for move in moves if (line := _move(client, move))]
        client.close()
        time.sleep(0.15)
        return shown

    def part(self, title: str, client: list[str]) -> Part:
        """Return the outcome since the last part."""
        if self.process.alive:
            self.process.log.read()
        lines = self.process.log.lines[self.read :]
        self.read = len(self.process.log.lines)
        return Part(title, self.lines.write(line for line in lines if line.logger == "wasm"), client)

    def _client(self, wait: float) -> Client:
        return Client(*self.process.admin.listeners()["l"], timeout=wait, gap=0.03)

    def _request(self, client: Client, step: Send | Raw) -> list[str]:
        if isinstance(step, Raw):
            client.raw(step.data)
            result = client.read_response()
            return normal.client_lines(result.response, result.end)
        client.send(to_request(step), finish=step.leave is None)
        if step.leave is not None:
            client.wait(step.leave)
            return ["client left"]
        result = client.read_response(step.method)
        return normal.client_lines(result.response, _end(result))

    def _settle(self) -> None:
        """Wait until the connection and its streams are destroyed. The gauge of active requests decreases too early."""
        name = "http.l.downstream_cx_active"
        deadline = time.monotonic() + _SETTLE
        while time.monotonic() < deadline and self.process.alive:
            try:
                if not self.process.admin.stats(f"^{name}$").get(name):
                    return
            except OSError:
                return  # Envoy has crashed, as some scenarios expect
            time.sleep(0.01)

    def _config(self) -> dict:
        s = self.scenario
        cluster = merge(merge(CLUSTER_EXTRA, _limit(s)), s.cluster)
        clusters = [
            EnvoyCluster("up", self.tcp_up.address if s.kind == "tcp" else self.up.address, extra=cluster),
            EnvoyCluster("up2", self.up.address),
            EnvoyCluster("dead", ("127.0.0.1", _closed_port())),
            EnvoyCluster("noep", None),
            EnvoyCluster("g", self.grpc.address, http2=True),
            EnvoyCluster("deadg", ("127.0.0.1", _closed_port()), http2=True),
        ]
        services = [self._service(p) for p in s.services]
        sinks = [plugin(p).as_config(self.directory) for p in s.stats_sinks]
        extra: dict = {} if s.stats_interval == 5.0 else {"stats_flush_interval": f"{s.stats_interval}s"}
        if not self.dynamic:
            listeners = [self._listener(s.plugins)]
            return bootstrap(listeners, clusters, node=NODE, services=services, stats_sinks=sinks, extra=extra)
        self._write_listener(s.plugins)
        source = {"path_config_source": {"path": str(self.directory / "listener.json")}}
        return bootstrap(
            [], clusters, node=NODE, services=services, extra={"dynamic_resources": {"lds_config": source}}
        )

    def _listener(self, plugins: Sequence[Plug]) -> EnvoyListener:
        s = self.scenario
        chain = [plugin(p).as_config(self.directory) for p in plugins]
        hcm: dict = {name: f"{seconds}s" for name, seconds in s.timeouts.items()}
        if s.routes == "faulty":
            hcm["route_config"] = {"validate_clusters": False}  # one cluster does not exist
        if s.access_log:
            logger = {"@type": _ACCESS_LOG, "config": plugin(s.access_log).as_config(self.directory)}
            hcm["access_log"] = [{"name": "envoy.access_loggers.wasm", "typed_config": logger}]
        routes = ROUTES[s.routes] if isinstance(s.routes, str) else list(s.routes)
        listener = EnvoyListener(
            "l", chain, kind=s.kind, hcm=merge(hcm, s.hcm), extra=merge(LISTENER_EXTRA, _limit(s)), routes=routes,
            virtual_host=dict(s.virtual_host),
        )  # fmt: skip
        return surrounded(listener, s)

    def _write_listener(self, plugins: Sequence[Plug]) -> None:
        """Write the listener's file. Its port is fixed, because the system would choose a new one for each update."""
        listener = merge(
            self._listener(plugins).as_config(), {"address": {"socket_address": {"port_value": self.port}}}
        )
        resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **listener}
        half = self.directory / "listener.half"
        half.write_text(json.dumps({"version_info": str(time.time_ns()), "resources": [resource]}))
        half.replace(self.directory / "listener.json")

    def _service(self, p: Plug) -> dict:
        options = dict(p.options)
        singleton = options.pop("singleton")
        return {"config": plugin(replace(p, options=options)).as_config(self.directory), "singleton": singleton}


class Surrounded(EnvoyListener):
    """A listener with the scenario's other HTTP filters, and with its additions to the route configuration."""

    scenario: Scenario

    def as_config(self) -> dict:
        """Return the listener with the scenario's additions."""
        config = super().as_config()
        if self.kind != "http":
            return config
        manager = config["filter_chains"][0]["filters"][0]["typed_config"]
        *wasm, router = manager["http_filters"]
        manager["http_filters"] = [*self.scenario.before, *wasm, *self.scenario.after, router]
        manager["route_config"] = merge(manager["route_config"], self.scenario.route_config)
        return config


def surrounded(listener: EnvoyListener, s: Scenario) -> EnvoyListener:
    """The listener with a scenario's other filters."""
    whole = Surrounded(**{f.name: getattr(listener, f.name) for f in fields(listener)})
    object.__setattr__(whole, "scenario", s)
    return whole


def plugin(p: Plug) -> EnvoyPlugin:
    """Return a scenario's plugin for Envoy."""
    return EnvoyPlugin(
        module(p.module), p.name, p.root_id, p.vm_id, p.script, p.vm_script, **p.options,
    )  # fmt: skip


def to_request(step: Send) -> Request:
    """Return the request of a step."""
    headers = Headers(step.headers)
    if step.script:
        headers.add("x-script", step.script.strip().replace("\n", "|"))
    chunks = None if step.chunks is None else list(step.chunks)
    return Request(step.method, step.path, headers, step.body, Headers(step.trailers), step.authority, chunks=chunks)


def _end(result: ClientResult) -> str:
    return "closed" if result.end == "reset" else result.end


def _refusal(refusal: EnvoyRefused) -> list[str]:
    return normal.Lines().write(line for line in refusal.lines if line.logger == "wasm" or line.level is LogLevel.CRITICAL)


def _limit(s: Scenario) -> dict:
    return {"per_connection_buffer_limit_bytes": s.limit} if s.limit else {}


def _move(client: Client, move: bytes | float | str | tuple[bytes, str]) -> str:
    """Run one move of a TCP client. Return the bytes that it read, or an empty string."""
    match move:
        case bytes():
            with contextlib.suppress(OSError):
                client.raw(move)
        case "read":
            data = client.receive()  # unread bytes decide whether an end is a reset
            return "read end" if data in ("closed", "reset") else f"read {data}"
        case "shut":
            client.half_close()
        case "reset":
            client.close(reset=True)
        case (bytes() as data, end):
            client.socket.sendall(data, socket.MSG_MORE)
            client.half_close() if end == "shut" else client.close()
        case float():
            client.wait(move)
    return ""


def _closed_port() -> int:
    """Return a port without a listener: a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
