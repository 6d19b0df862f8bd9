"""One way to write down what happened, for both proxies: lines without what differs from run to run.

Taken out: dates, random ids, ports, clock readings, the numbers that name VM instances (they become VM1, VM2 ... in
order of appearance on their thread), how long the upstream took. What differs only by chance is made equal, and nothing
else.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from wasmnb.abi import LogLevel
from wasmnb.messages import Headers, Request, Response

#: Workers say this of a rejected update, if they see it before it is gone.
_BY_CHANCE = "Plugin configured to fail closed failed to load"

#: (pattern, replacement), tried in order on every text.
_RULES = [
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"(get_current_time_nanoseconds\(\) -> OK time=)\d+", r"\1<time>"),
    (r"(x-envoy-upstream-service-time(?:: |=|\\x00))\d+", r"\g<1>0"),
]
#: Properties whose value is a time, a port, an id, a map in no order, or the node with all its extensions: only the status
#: is compared.
_CHANCE = (
    "request/time", "request/duration", "response/backend_latency", "upstream/cx_pool_ready_duration", "source/port",
    "destination/port", "upstream/port", "connection/id", "connection_id", "xds/node", "request/total_size",
    "response/total_size", "xds/route_metadata", "request/headers/", "source/address", "destination/address", "upstream/address", "upstream/local_address",
)  # fmt: skip
_PROPERTY = re.compile(r"(  get_property\((.*?)\) -> OK n=)\d+ \[.*\]")
_INSTANCE = re.compile(r"^#([0-9a-f]{8}) ")
_PAIRS_SIZE = re.compile(r" n=\d+( count=\d+ \{.*(?:service-time|<date>|:<port>|<uuid>))")


def plain(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, replacement in _RULES:
        text = re.sub(pattern, replacement, text)
    return _PAIRS_SIZE.sub(r" n=<n>\1", text)


def property_line(text: str) -> str:
    """A `get_property` line; the value goes if it is one of chance."""
    found = _PROPERTY.match(text)
    if found and found[2].replace("\\x00", "/") in _CHANCE:
        return f"{found[1]}<n> [<value>]"
    return text


class LogLine(Protocol):
    """A log line of either proxy."""

    thread: str
    prefix: str | None
    level: LogLevel
    text: str


class Lines:
    """Writes the log of one scenario; remembers which instance is which VM of its thread."""

    def __init__(self) -> None:
        self._instances: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def write(self, lines: Iterable[LogLine]) -> list[str]:
        """The main thread's lines, then each worker's; each thread's in its order, for across threads there is none.

        Which worker serves a connection is chance, so workers have no names, and their blocks are sorted.
        """
        threads: dict[str, list[str]] = {}
        for x in lines:
            if x.text == _BY_CHANCE and x.thread != "main":
                continue
            threads.setdefault(x.thread, []).append(self._line(x.thread, x.prefix, x.level, x.text))
        main = [f"main {line}" for line in threads.pop("main", [])]
        blocks = sorted([f"worker {line}" for line in block] for block in threads.values())
        return main + [line for block in blocks for line in block]

    def _line(self, thread: str, prefix: str | None, level: LogLevel, text: str) -> str:
        """One line: `VM1 (plug r1 vm1) on_tick(1)`; what no scripted guest said stands as `<error> ...`."""
        found = _INSTANCE.match(text)
        if found is None:
            who = "" if prefix is None else f"({prefix}) "
            return f"<{level.name.lower()}> {who}{_host_words(text)}"
        said = property_line(plain(text[found.end() :]))
        who = f" ({prefix})" if prefix else ""
        return f"{self._vm(thread, found[1])}{who} {said}"

    def _vm(self, thread: str, instance: str) -> str:
        if instance not in self._instances:
            self._counts[thread] = self._counts.get(thread, 0) + 1
            self._instances[instance] = f"VM{self._counts[thread]}"
        return self._instances[instance]


def client_lines(response: Response | None, end: str, wire: Sequence[tuple[str, str]] = ()) -> list[str]:
    """What a client got: status, headers, body, trailers, how it ended."""
    if response is None:
        return [f"no answer: {end}"]
    lines = [f"status {response.status}"]
    lines += [plain(f"{n}: {v}") for n, v in response.headers.items() if n != "transfer-encoding"]
    lines.append(f"body {body(response.body)}")
    lines += [f"trailer {n}: {v}" for n, v in response.trailers.items()]
    if end != "complete":
        lines.append(f"end {end}")
    return lines


def upstream_lines(request: Request, end: str = "complete") -> list[str]:
    """What an upstream saw of one request."""
    lines = [f"{request.method} {request.path} host={plain(request.authority)}"]
    hidden = ("host", "transfer-encoding", "x-script")
    lines += [plain(f"  {n}: {v}") for n, v in request.headers.items() if n not in hidden]
    if request.body or request.method == "POST":
        lines.append(f"  body {body(request.body)}")
    lines += [f"  trailer {n}: {v}" for n, v in request.trailers.items()]
    if end != "complete":
        lines.append("  cut off")
    return lines


def blocks(lines: Iterable[str]) -> list[list[str]]:
    """Lines gathered: each that is not indented begins a block."""
    found: list[list[str]] = []
    for line in lines:
        if line.startswith(" ") and found:
            found[-1].append(line)
        else:
            found.append([line])
    return found


def body(data: bytes) -> str:
    """A body, shortened when long."""
    shown = repr(data[:60])[2:-1]
    return f"{len(data)} [{shown}]" if len(data) <= 60 else f"{len(data)} [{shown}...]"


def header_map(headers: Headers) -> list[str]:
    """Entries as lines."""
    return [plain(f"{n}: {v}") for n, v in headers.items()]


def _host_words(text: str) -> str:
    """First line of what the Wasm host says; the backtrace after it is the engine's own."""
    return plain(text.split("\n")[0]).partition(" initializing config")[0]
