"""Conformance scenarios: plugins that run a script, the steps of a client, and their outcome.

A scenario has no expected outcome of its own. The outcome of the real Envoy is in `recorded/`, and the simulated proxy must
have the same. `Outcome` is the result of both runners.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import Any

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Plug:
    """A plugin that runs the scripted guest (or another module of `modules.py`).

    Attributes
    ----------
    script, vm_script
        The plugin's and the VM's configuration: rules (see `tests/foreign/c/scripted.c`), or any text for other modules.
    module
        Name in `modules.MODULES`.
    options
        Further fields of `EnvoyPlugin` and of the host's `Plugin`.
    """

    script: str = ""
    vm_script: str = ""
    name: str = "plug"
    root_id: str = "r1"
    vm_id: str = "vm1"
    module: str = "scripted"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "script", rules(self.script))
        object.__setattr__(self, "vm_script", rules(self.vm_script))


@dataclass(frozen=True)
class Send:
    """One request on a new connection.

    Attributes
    ----------
    script
        Rules for this stream only, sent in the header x-script.
    leave
        Seconds after which the client disconnects if there is no response. None waits for the response.
    wait
        Seconds without data after which the client stops waiting.
    """

    method: str = "GET"
    path: str = "/"
    headers: Headers = ()
    body: bytes = b""
    chunks: Sequence[bytes] | None = None
    trailers: Headers = ()
    script: str = ""
    leave: float | None = None
    wait: float = 1.5
    http2: bool = False
    authority: str = "h.test"


@dataclass(frozen=True)
class Raw:
    """Bytes that are sent on a new connection, from which the first response is read.

    The simulated proxy accepts requests instead of bytes: `like` is the most similar request, or None.
    """

    data: bytes
    like: Send | None = None
    wait: float = 1.5


@dataclass(frozen=True)
class Wire:
    """Bytes that are sent unchanged on a new connection. The outcome contains all received bytes, including the framing.

    Attributes
    ----------
    moves
        Bytes to send, and seconds to wait in between.
    wait
        Seconds that the client waits for the first byte of a response.
    name
        Name of the step in reports. If it is empty, the beginning of the bytes is used.
    """

    moves: bytes | Sequence[bytes | float]
    name: str = ""
    wait: float = 1.5


@dataclass(frozen=True)
class Http2:
    """One HTTP/2 request whose header block, including pseudo-headers, is sent unchanged."""

    headers: Headers
    body: bytes | None = None
    trailers: Headers = ()
    name: str = ""
    wait: float = 1.5


@dataclass(frozen=True)
class Tcp:
    """One TCP connection: bytes to send, seconds to wait, "read", "shut" (half-close), "reset". It is closed at the end.

    A pair of bytes and "shut" or "close" sends the bytes and the end in one segment.
    """

    moves: Sequence[bytes | float | str | tuple[bytes, str]]
    wait: float = 0.6


@dataclass(frozen=True)
class Wait:
    """A pause."""

    seconds: float


@dataclass(frozen=True)
class Update:
    """An update of the listener's plugins, optionally while the request `during` is in flight."""

    plugins: Sequence[Plug]
    during: Send | None = None


@dataclass(frozen=True)
class Shutdown:
    """An orderly end of the proxy."""


Step = Send | Raw | Wire | Http2 | Tcp | Wait | Update | Shutdown


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes
    ----------
    area
        The area in which the agreement is counted.
    show_start
        Whether the log of the proxy's start belongs to the outcome.
    limit
        `per_connection_buffer_limit_bytes` of listener and cluster.
    timeouts
        Timeouts of the connection manager in seconds: `request_timeout`, `stream_idle_timeout`.
    hcm, virtual_host, route_config
        Merged over the connection manager, its virtual host and its route configuration, in Envoy's own terms.
    cluster
        Merged over the cluster "up".
    before, after
        Other HTTP filters of the chain, before and after the plugins, in Envoy's own terms.
    stats
        A regular expression of Envoy's statistics that belong to the outcome.
    services, access_log, stats_sinks
        Plugins that run as bootstrap services (with `singleton` in their options), as access logger, and as stats sinks.
    stats_interval
        Seconds between two snapshots for stats sinks.
    why_not
        Reason why the simulated proxy can't agree. Such scenarios are counted separately.
    """

    name: str
    area: str
    plugins: Sequence[Plug]
    steps: Sequence[Step]
    kind: str = "http"
    workers: int = 1
    show_start: bool = False
    limit: int | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)
    services: Sequence[Plug] = ()
    stats_sinks: Sequence[Plug] = ()
    stats_interval: float = 5.0
    access_log: Plug | None = None
    routes: str | Sequence[Mapping[str, Any]] = "plain"
    hcm: Mapping[str, Any] = field(default_factory=dict)
    virtual_host: Mapping[str, Any] = field(default_factory=dict)
    route_config: Mapping[str, Any] = field(default_factory=dict)
    cluster: Mapping[str, Any] = field(default_factory=dict)
    before: Sequence[Mapping[str, Any]] = ()
    after: Sequence[Mapping[str, Any]] = ()
    stats: str = ""
    why_not: str = ""

    def but(self, **changes: Any) -> "Scenario":
        """Return a copy with changes."""
        return replace(self, **changes)


@dataclass
class Part:
    """Outcome of one step: log lines by thread, and the response that the client got."""

    title: str
    log: list[str] = field(default_factory=list)
    client: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """Outcome of a scenario.

    Attributes
    ----------
    refused
        The messages of a refused configuration.
    parts
        Outcome of each step.
    upstream
        Requests that upstreams saw, each as a block of lines. Sorted, because requests to different clusters have no order.
    metrics
        Counters and gauges that guests defined.
    """

    refused: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    upstream: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)

    def fields(self) -> list[tuple[str, list[str]]]:
        """Return all fields that are compared, with their names."""
        result = [("refused", self.refused)]
        for number, part in enumerate(self.parts):
            result += [(f"{number} {part.title} / log", part.log), (f"{number} {part.title} / client", part.client)]
        return [*result, ("upstream", self.upstream), ("metrics", self.metrics)]


def title(step: Step) -> str:
    """Return the title of a step."""
    match step:
        case Send(method=method, path=path):
            return f"{method} {path}"
        case Wait(seconds):
            return f"wait {seconds:g} s"
        case Wire(moves, name):
            first = moves if isinstance(moves, bytes) else next(m for m in moves if isinstance(m, bytes))
            return name or repr(first.split(b"\r\n")[0][:60])[2:-1]
        case Http2(headers=headers, name=name):
            return name or " ".join(f"{n}={v[:30]}" for n, v in headers if n in (":method", ":path"))
        case _:
            return type(step).__name__.lower()


_RULE = re.compile(r"on_\w+(#\d+)?:")


def rules(text: str) -> str:
    """Convert a script with one statement per line below each `on_...:` to one rule per line, which is the guest's format."""
    lines = [line.strip() for line in dedent(text).splitlines() if line.strip()]
    if not any(_RULE.match(line) for line in lines):
        return text
    written: list[str] = []
    for line in lines:
        if _RULE.match(line):
            written.append(line)
        else:
            written[-1] += f" {line};"
    return "\n".join(written)


def maker(area: str) -> Callable[..., Scenario]:
    """Return a function that creates scenarios of an area. Most of them have one plugin with one script."""

    def make(
        name: str, steps: Sequence[Step], script: str = "", *, plug: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Scenario:
        plugins = kwargs.pop("plugins", None)
        plugins = (Plug(script, **(plug or {})),) if plugins is None else plugins
        return Scenario(name, area, plugins, steps, **kwargs)

    return make
