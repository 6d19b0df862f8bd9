"""What a conformance scenario is: plugins that run a script, a client's steps, and how they show.

A scenario says nothing of how it should end. The real Envoy says that: what it did is kept in `recorded/`, and the
simulated proxy must do the same. `Outcome` is what a runner gives, in the same terms for both.
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
        Rules (see `tests/foreign/c/scripted.c`), given as plugin and as VM configuration. Other bytes do, too.
    module
        Name in `modules.MODULES`.
    options
        More of `EnvoyPlugin`'s and the host `Plugin`'s fields.
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
    """One request on a connection of its own.

    Attributes
    ----------
    script
        Rules for this stream only, sent in the header x-script.
    leave
        Seconds after which the client goes away without waiting for an answer.
    wait
        Seconds of silence after which it stops waiting.
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
    """Bytes sent as they are on a connection of their own; the first answer is read.

    The simulated proxy takes requests, not bytes: `like` is the one that comes nearest, if there is one.
    """

    data: bytes
    like: Send | None = None
    wait: float = 1.5


@dataclass(frozen=True)
class Tcp:
    """One TCP connection: bytes to send, seconds to wait, "read", "shut" (half-close), "reset"; it is closed at the end."""

    moves: Sequence[bytes | float | str]
    wait: float = 0.6


@dataclass(frozen=True)
class Wait:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True)
class Update:
    """Replace the listener's plugins; with `during`, while that request is in flight."""

    plugins: Sequence[Plug]
    during: Send | None = None


@dataclass(frozen=True)
class Shutdown:
    """End the proxy in an orderly way."""


Step = Send | Raw | Tcp | Wait | Update | Shutdown


@dataclass(frozen=True)
class Scenario:
    """One case.

    Attributes
    ----------
    area
        Under which agreement is counted.
    show_start
        Whether what happens until the proxy is ready belongs to the outcome.
    limit
        `per_connection_buffer_limit_bytes` of listener and cluster.
    timeouts
        Of the connection manager: `request_timeout`, `stream_idle_timeout`, in seconds.
    services, access_log
        Plugins that run as bootstrap services (with `singleton` in their options) or as access logger.
    why_not
        Why the simulated proxy cannot agree, or does not try to; counted apart.
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
    access_log: Plug | None = None
    routes: str = "plain"
    why_not: str = ""

    def but(self, **changes: Any) -> "Scenario":
        """A copy with changes."""
        return replace(self, **changes)


@dataclass
class Part:
    """What one step showed: lines of the filters and of the Wasm host by thread, and what the client got."""

    title: str
    log: list[str] = field(default_factory=list)
    client: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """What a scenario showed.

    Attributes
    ----------
    refused
        The words with which the configuration was refused.
    parts
        Step by step.
    upstream
        Requests that upstreams saw, a block of lines each, sorted: between clusters there is no order.
    metrics
        Counters and gauges that guests defined.
    """

    refused: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    upstream: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)

    def fields(self) -> list[tuple[str, list[str]]]:
        """Everything that is compared, with its name."""
        found = [("refused", self.refused)]
        for number, part in enumerate(self.parts):
            found += [(f"{number} {part.title} / log", part.log), (f"{number} {part.title} / client", part.client)]
        return [*found, ("upstream", self.upstream), ("metrics", self.metrics)]


def title(step: Step) -> str:
    """What a report calls a step."""
    match step:
        case Send(method=method, path=path):
            return f"{method} {path}"
        case Wait(seconds):
            return f"wait {seconds:g} s"
        case _:
            return type(step).__name__.lower()


_RULE = re.compile(r"on_\w+(#\d+)?:")


def rules(text: str) -> str:
    """A script as the guest reads it, one rule a line, from one that has a statement a line below each `on_...:`."""
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
    """A short way to write the scenarios of an area: most have one plugin with one script."""

    def make(
        name: str, steps: Sequence[Step], script: str = "", *, plug: Mapping[str, Any] | None = None, **more: Any
    ) -> Scenario:
        plugins = more.pop("plugins", None)
        plugins = (Plug(script, **(plug or {})),) if plugins is None else plugins
        return Scenario(name, area, plugins, steps, **more)

    return make
