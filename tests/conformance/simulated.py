"""Run scenarios through the simulated proxy."""

import re
from collections.abc import Sequence

from wasmnb.abi import MetricType
from wasmnb.errors import WasmnbError
from wasmnb.host import (
    Cluster,
    Exchange,
    GrpcReply,
    GrpcServer,
    Listener,
    LogLine,
    Proxy,
    TcpExchange,
    TcpReply,
)
from wasmnb.envoy.config.bootstrap import merge
from wasmnb.host.plugins.envoy_filter_config import BUILT_IN, BuiltIn
from wasmnb.host.clusters.grpc_server import split_messages
from wasmnb.host.clusters.raw_response import RawResponse
from wasmnb.messages import Headers, Request, Response

from . import backends, normal
from .routes import LISTENER_EXTRA, NODE, ROUTES
from .scenario import Http2, Outcome, Part, Plug, Raw, Scenario, Send, Shutdown, Step, Tcp, Update, Wait, Wire, title
from .simulated_plugins import plugin

_LISTENER = Listener(direction=1, metadata=LISTENER_EXTRA["metadata"], virtual_host="vh")
_AT_ONCE = 0.02  # seconds within which a response that waits for nothing has arrived
_GAP = 0.03  # seconds between two chunks, as the real client leaves


class NotSimulated(Exception):
    """The simulated proxy can't run this step."""


def run(scenario: Scenario, *, native: bool = False) -> Outcome:
    """Return the outcome of a scenario in the simulated proxy. With `native`, Python filters run natively."""
    try:
        bench = Bench(scenario, native=native)
    except WasmnbError as error:
        return Outcome(refused=normal.Lines().write([_Line(line) for line in error.log]))
    try:
        return bench.run()
    finally:
        bench.proxy.close()


class GrpcMethods(GrpcServer):
    """The methods of `http2.GrpcUpstream`."""

    def __init__(self) -> None:
        hang = GrpcReply([b"re:hello"], latency=3600.0)
        methods = {
            "Unary": lambda message: b"re:" + message,
            "Fail": lambda message: GrpcReply(status=5, message="not here"),
            "FailLate": lambda message: GrpcReply([], status=9, message="late"),
            "Reset": lambda message: GrpcReply(reset=True),
            "Hang": lambda message: hang,
            "Stream": lambda message: GrpcReply([b"echo:" + message], status=0 if message == b"bye" else None),
        }
        methods["Early"] = methods["Stream"]
        paths = {f"/svc/{name}": method for name, method in methods.items()}
        super().__init__(
            paths, headers=[("x-init", "iv")], trailers=[("x-trail", "tv")], metadata_first=["/svc/Early"]
        )

    def __call__(self, request: Request) -> Response:
        if request.path == "/svc/Http500":
            return Response(500, Headers([("content-type", "text/plain")]), b"oops")
        return super().__call__(request)


class Bench:
    """One proxy with a scenario's plugins."""

    def __init__(self, scenario: Scenario, *, native: bool = False) -> None:
        self.scenario = scenario
        self.calls: list[Request] = []
        self._answers = backends.Responses()
        self.lines = normal.Lines()
        self.read = 0
        kind = "network" if scenario.kind == "tcp" else "http"
        plugins = [plugin(p, native=native, kind=kind) for p in scenario.plugins]
        plugins += [plugin(p, kind="singleton" if p.options["singleton"] else "service") for p in scenario.services]
        plugins += [plugin(p, native=native, kind="stat_sink") for p in scenario.stats_sinks]
        if scenario.access_log:
            plugins.append(plugin(scenario.access_log, kind="access_log"))
        self.proxy = Proxy(
            plugins,
            workers=scenario.workers,
            guest_time=0.0,
            clusters=self._clusters(),
            routes=_routes(scenario),
            node=NODE,
            listener=_LISTENER,
            built_in=_built_in(scenario),
            stats_flush_interval=scenario.stats_interval,
            **_options(scenario),
        )

    def run(self) -> Outcome:
        outcome = Outcome()
        start = self.part("start", [])
        if self.scenario.show_start:
            outcome.parts.append(start)
        for step in self.scenario.steps:
            if isinstance(step, Shutdown) and self.scenario.stats:
                outcome.metrics = self.metrics()
            outcome.parts.append(self.part(title(step), self.step(step)))
            if any(isinstance(exchange, Exchange) and exchange.crash for exchange in self.proxy.exchanges):
                outcome.parts[-1].client = ["Envoy crashed"]
                break
        outcome.upstream = self.upstream()
        if not outcome.metrics:
            outcome.metrics = self.metrics()
        return outcome

    def metrics(self) -> list[str]:
        """Return counters and gauges. If both have the same name, return the gauge, as in Envoy's statistics."""
        metrics = [m for m in self.proxy.metrics.all() if m.kind is not MetricType.HISTOGRAM and m.name]
        shown = {m.name: m.value for m in sorted(metrics, key=lambda m: m.kind)}
        custom = sorted(f"{name} {value}" for name, value in shown.items())
        pattern = re.compile(self.scenario.stats) if self.scenario.stats else None
        envoy = sorted(self.proxy.metrics.envoy.items())
        return custom + [f"{name} = {value}" for name, value in envoy if pattern and pattern.search(name)]

    def step(self, step: Step) -> list[str]:
        """Run a step, and return the data received by the client."""
        match step:
            case Wait(seconds):
                self.proxy.advance(seconds)
            case Shutdown():
                self.proxy.close()
            case Send():
                return self.request(step)
            case Raw(like=Send() as like):
                return self.request(like)
            case Wire(moves, wait=wait):
                return self.wire(moves, wait)
            case Http2():
                return self.http2(step)
            case Update(plugins, during):
                return self.update(plugins, during)
            case Tcp(moves, wait):
                return self.tcp(moves, wait)
            case _:
                raise NotSimulated(type(step).__name__)
        return []

    def wire(self, moves: bytes | Sequence[bytes | float], wait: float) -> list[str]:
        """Send bytes, and return all bytes that are received."""
        connection = self.proxy.open_connection()
        for move in [moves] if isinstance(moves, bytes) else moves:
            if isinstance(move, bytes):
                connection.send(move)
            else:
                self.proxy.advance(move)
        received, end = connection.wait(wait), "closed" if connection.closed else "open"
        connection.close()
        return normal.wire_lines(received, end)

    def http2(self, step: Http2) -> list[str]:
        """Send a header block unchanged."""
        pseudo = dict(step.headers)
        headers = Headers()
        headers.raw = [(n.encode(), v.encode()) for n, v in step.headers]
        trailers = Headers()
        trailers.raw = [(n.encode(), v.encode()) for n, v in step.trailers]
        target = (pseudo.get(":method", ""), pseudo.get(":path", ""), headers)
        authority = pseudo.get(":authority", "")
        if step.body == b"" and not step.trailers:  # an empty last frame, not the headers, ends the request
            stream = self.proxy.open(*target, authority=authority, http2=True)
            if not stream.exchange.done:
                stream.send_body(b"", end=True)
            exchange = stream.wait(step.wait)
        else:
            exchange = self.proxy.request(
                *target, step.body or b"", trailers, authority=authority, http2=True, wait=step.wait
            )
        shown = _client(exchange)
        if not exchange.done:
            self._leave(exchange)
        return shown

    def tcp(self, moves: Sequence[bytes | float | str], wait: float) -> list[str]:
        """Run the moves of one TCP connection, and return the data received by the client."""
        connection = self.proxy.connect(cluster="tcp")
        shown = []
        for move in moves:
            if isinstance(move, bytes):
                connection.send(move)
            elif isinstance(move, tuple):
                data, end = move
                connection.send(data, end=True) if end == "shut" else connection.close(data)
            elif isinstance(move, float):
                self.proxy.advance(move)
            elif move == "read":
                data = connection.read(wait)
                shown.append("read end" if data == b"" else f"read {data if data else 'timeout'}")
            else:
                connection.end() if move == "shut" else connection.reset()
        connection.close()
        self.proxy.advance(0.15)
        return shown

    def update(self, plugins: Sequence[Plug], during: Send | None) -> list[str]:
        """Replace the listener's plugins, optionally while the request `during` is in flight."""
        sending = None
        if during:
            sending = self.proxy.open(
                during.method, during.path, Headers(during.headers), end=True, authority=during.authority
            )
        try:
            self.proxy.update([plugin(p) for p in plugins])
        except WasmnbError:
            pass  # the log has the error
        return _client(sending.wait(during.wait)) if sending and during else []

    def request(self, step: Send) -> list[str]:
        """Send one request, chunk by chunk with the client's pauses."""
        headers = Headers(step.headers)
        if step.script:
            headers.add("x-script", step.script.strip().replace("\n", "|"))
        if step.chunks is None and (step.http2 or not step.trailers):  # over HTTP/2 all frames go at once
            exchange = self.proxy.request(
                step.method,
                step.path,
                headers,
                step.body,
                Headers(step.trailers),
                authority=step.authority,
                http2=step.http2,
                wait=step.leave or _AT_ONCE,
            )
            if not exchange.done and not _has_all(exchange) and step.leave is None:
                self.proxy.loop.run_until_done(exchange, step.wait - _AT_ONCE)
        else:
            exchange = self._in_chunks(step, headers)
        if step.leave is not None:
            self._leave(exchange)
            return ["client left"]
        shown = _client(exchange)
        if not exchange.done:
            self._leave(exchange)
        return shown

    def part(self, title: str, client: list[str]) -> Part:
        """Return the outcome since the last part."""
        lines = self.proxy.log.since(self.read)
        self.read = self.proxy.log.written
        return Part(title, self.lines.write([_Line(line) for line in lines if line.source != "simulation"]), client)

    def _in_chunks(self, step: Send, headers: Headers) -> Exchange:
        stream = self.proxy.open(step.method, step.path, headers, authority=step.authority, http2=step.http2)
        chunks = list(step.chunks) if step.chunks is not None else [step.body]
        for chunk in chunks:
            self.proxy.advance(_GAP)
            if not stream.exchange.done:
                stream.send_body(chunk)
        self.proxy.advance(_GAP)
        if step.leave is None and not stream.exchange.done:
            if step.trailers:
                stream.send_trailers(Headers(step.trailers))
            else:
                stream.send_body(b"", end=True)
        return stream.wait(step.leave or step.wait)

    def _leave(self, exchange: Exchange) -> None:
        for worker in self.proxy.workers:
            for stream in list(worker.streams.values()):
                if stream.exchange is exchange:
                    self.proxy.loop.run_on_worker(worker, stream.control.on_client_disconnect)

    def upstream(self) -> list[str]:
        """Return the requests that all upstreams saw: those with a response, and incomplete ones of the main route."""
        seen = [normal.upstream_lines(r, "cut" if _short(r) else "complete") for r in self.calls]
        http = [exchange for exchange in self.proxy.exchanges if isinstance(exchange, Exchange)]
        cut = [r for exchange in http for r in exchange.upstream_requests if all(r is not c for c in self.calls)]
        grpc = [r for r in cut if r.path.startswith("/svc/")]
        cut = [r for r in cut if r not in grpc]
        seen += [_grpc_lines(r, split_messages(r.body)) for r in grpc]
        seen += [_grpc_lines(c.request, c.messages) for c in self.proxy.callouts if c.cluster == "g" and c.sent]
        whole = [r for exchange in http if exchange.upstream_complete for r in exchange.upstream_requests[-1:]]
        seen += [normal.upstream_lines(r, "cut" if self._is_cut(r, whole) else "complete") for r in cut]
        return [line for block in sorted(seen) for line in block] + self._tcp_upstream()

    @staticmethod
    def _is_cut(request: Request, whole: Sequence[Request]) -> bool:
        """Return whether the upstream waits for more of a request."""
        return _short(request) or ("transfer-encoding" in request.headers and all(r is not request for r in whole))

    def _tcp_upstream(self) -> list[str]:
        """Return the events of the TCP upstream, without its own close."""
        seen: list[str] = []
        for exchange in self.proxy.exchanges:
            if isinstance(exchange, TcpExchange) and exchange.upstream_connected:
                seen += ["accepted", *(f"received {chunk!r}" for chunk in exchange.upstream_chunks)]
                seen += [exchange.upstream_end] * (exchange.upstream_end in ("end", "reset"))
        return seen

    def _clusters(self) -> dict[str, Cluster]:
        return {
            "up": Cluster(
                self._handler,
                early=backends.early,
                buffer_limit=self.scenario.limit or 1 << 20,
                metadata={"filter_metadata": {"cm": {"ck": "cv"}}},
            ),
            "up2": Cluster(self._handler),
            "dead": Cluster(alive=False),
            "noep": Cluster(endpoints=0),
            "tcp": Cluster(self._tcp),
            "g": Cluster(GrpcMethods(), http2=True),
            "deadg": Cluster(alive=False, http2=True),
        }

    def _tcp(self, data: bytes) -> TcpReply:
        if data == b"QUIT":
            return TcpReply(b"bye", close=True)
        return TcpReply(data, close=not data)

    def _handler(self, request: Request) -> Response:
        self.calls.append(request)
        if _short(request):  # like an HTTP server that waits for the rest
            return Response(200, latency=3600.0)
        response = self._answers(request)
        if response.status == 0 and not isinstance(response, RawResponse):
            raise ConnectionResetError
        return response


class _Line:
    """A log line with the attributes that `normal` needs."""

    def __init__(self, line: LogLine) -> None:
        self.thread, self.level, self.text = line.thread, line.level, line.text
        self.prefix = line.prefix if line.source == "filter" else None


def _options(s: Scenario) -> dict:
    options: dict = {
        "connection_manager": {k: v for k, v in s.hcm.items() if k not in ("http_filters", "route_config")}
    }
    if s.limit:
        options["buffer_limit"] = s.limit
    for theirs, ours in (("request_timeout", "request_timeout"), ("stream_idle_timeout", "idle_timeout")):
        if theirs in s.timeouts:
            options[ours] = s.timeouts[theirs]
    return options


def _built_in(s: Scenario) -> list[BuiltIn]:
    """Return Envoy's own filters in the chain."""
    configs = [(f, 0) for f in s.before] + [(f, len(s.plugins)) for f in s.after]
    filters = []
    for config, before in configs:
        kind = config["name"].rpartition(".")[2]
        if kind not in BUILT_IN:
            raise NotSimulated(kind)
        typed = config["typed_config"]
        filters.append(BuiltIn(kind, typed, config["name"], before, bool(config.get("disabled"))))
    return filters


def _routes(s: Scenario) -> dict:
    """Return the whole route configuration, which is the same as for the real Envoy."""
    routes = ROUTES[s.routes] if isinstance(s.routes, str) else list(s.routes)
    routes = routes or [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    host = {"name": "vh", "domains": ["*"], "routes": routes, **s.virtual_host}
    return merge({"name": "routes", "virtual_hosts": [host]}, s.route_config)


def _client(exchange: Exchange) -> list[str]:
    nothing = exchange.response is None or not (exchange.response.status or len(exchange.response.headers))
    if exchange.response is None or (nothing and exchange.done):
        return ["no answer: closed" if exchange.done else "no answer: timeout"]
    whole = _has_all(exchange) or (exchange.done and not _waits(exchange))
    end = "closed" if exchange.response.reset else "complete" if whole else "timeout"
    return normal.client_lines(exchange.response, end)


def _has_all(exchange: Exchange) -> bool:
    """Return whether the client has received content-length bytes. It can't know that a filter holds the end."""
    response = exchange.response
    length = response.headers.get("content-length") if response is not None and not exchange.http2 else None
    return length is not None and length.isdigit() and 0 < int(length) == len(response.body)


def _waits(exchange: Exchange) -> bool:
    """Return whether the client waits for more of a body."""
    response = exchange.response
    length = response.headers.get("content-length") if response is not None else None
    if response is None or length is None or not length.isdigit() or exchange.request.method == "HEAD":
        return False
    return response.status not in (204, 304) and len(response.body) < int(length)


def _grpc_lines(request: Request, messages: Sequence[bytes]) -> list[str]:
    """Return a gRPC request in the format of `http2.GrpcUpstream.seen`."""
    headers = [
        normal.plain(f"  {n}: {v}") for n, v in request.headers.items() if n not in ("host", "transfer-encoding")
    ]
    return [f"POST {request.path}", *headers, *(f"  message {m!r}" for m in messages)]


def _short(request: Request) -> bool:
    """Return whether a request declares more bytes than it has."""
    length = request.headers.get("content-length") or "0"
    return length.isdigit() and int(length) > len(request.body)
