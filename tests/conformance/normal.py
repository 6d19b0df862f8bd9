"""Write logs, requests and responses of both proxies as lines without the values that differ from run to run.

Replaced or removed: dates, random ids, ports, clock readings, the upstream's service time, and the numbers of VM instances,
which become VM1, VM2 ... in order of appearance on their thread. All other values are compared.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from wasmnb.abi import LogLevel
from wasmnb.messages import Headers, Request, Response

#: A worker logs this for a rejected update if it sees the update before its removal.
_TIMING_DEPENDENT = "Plugin configured to fail closed failed to load"

#: Pattern and replacement, applied in order to every text.
_RULES = [
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"(get_current_time_nanoseconds\(\) -> OK time=)\d+", r"\1<time>"),
    (r"(x-envoy-expected-rq-timeout-ms(?:: |=|\\x00))14\d\d\d\b", r"\g<1>14<ms>"),
    (r"(x-forwarded-port(?:: |=|\\x00))\d{4,5}\b", r"\g<1><port>"),
    (r"(x-envoy-upstream-service-time(?:: |=|\\x00))\d+", r"\g<1>0"),
    (r"(X-Envoy-Upstream-Service-Time: )\d+", r"\g<1>0"),
]
#: Properties whose value is a time, a port, an id, an unordered map, or the node with all its extensions. Only their status
#: is compared.
_VARIABLE = (
    "request/time", "request/duration", "response/backend_latency", "upstream/cx_pool_ready_duration", "source/port",
    "destination/port", "upstream/port", "connection/id", "connection_id", "xds/node", "request/total_size",
    "response/total_size", "xds/route_metadata", "request/headers/", "source/address", "destination/address", "upstream/address", "upstream/local_address",
)  # fmt: skip
_PROPERTY = re.compile(r"(  get_property\((.*?)\) -> OK n=)\d+ \[.*\]")
_INSTANCE = re.compile(r"^#([0-9a-f]{8}) ")
_PAIRS_SIZE = re.compile(r" n=\d+( count=\d+ \{.*(?:service-time|<date>|:<port>|<uuid>))")


def plain(text: str) -> str:
    """Return text without the values that differ from run to run."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    for pattern, replacement in _RULES:
        text = re.sub(pattern, replacement, text)
    return _PAIRS_SIZE.sub(r" n=<n>\1", text)


def property_line(text: str) -> str:
    """Return a `get_property` line, without the value if that differs from run to run."""
    match = _PROPERTY.match(text)
    if match and match[2].replace("\\x00", "/") in _VARIABLE:
        address = re.search(r" \[((?!127\.0\.0\.1).*:0)\]$", text) if "source" in match[2] else None
        if address:  # taken from a header
            return f"{match[1]}<n> [{address[1]}]"
        return f"{match[1]}<n> [<value>]"
    return text


class LogLine(Protocol):
    """A log line of either proxy."""

    thread: str
    prefix: str | None
    level: LogLevel
    text: str


class Lines:
    """Writes the log of one scenario. Remembers the number that each VM instance has on its thread."""

    def __init__(self) -> None:
        self._instances: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def write(self, lines: Iterable[LogLine]) -> list[str]:
        """Return the lines of the main thread, followed by the lines of the workers. The lines of each thread are in order.

        Between threads there is no order. Any worker may serve a connection, so workers have no names, and their blocks are
        sorted.
        """
        threads: dict[str, list[str]] = {}
        for line in lines:
            if line.text == _TIMING_DEPENDENT and line.thread != "main":
                continue
            threads.setdefault(line.thread, []).append(self._line(line.thread, line.prefix, line.level, line.text))
        main = [f"main {line}" for line in threads.pop("main", [])]
        blocks = sorted([f"worker {line}" for line in block] for block in threads.values())
        return main + [line for block in blocks for line in block]

    def _line(self, thread: str, prefix: str | None, level: LogLevel, text: str) -> str:
        """Return one line: `VM1 (plug r1 vm1) on_tick(1)`, or `<error> ...` if the line isn't from a scripted guest."""
        instance = _INSTANCE.match(text)
        if instance is None:
            source = "" if prefix is None else f"({prefix}) "
            return f"<{level.name.lower()}> {source}{_host_text(text)}"
        guest_text = property_line(plain(text[instance.end() :]))
        source = f" ({prefix})" if prefix else ""
        return f"{self._vm(thread, instance[1])}{source} {guest_text}"

    def _vm(self, thread: str, instance: str) -> str:
        if instance not in self._instances:
            self._counts[thread] = self._counts.get(thread, 0) + 1
            self._instances[instance] = f"VM{self._counts[thread]}"
        return self._instances[instance]


def client_lines(response: Response | None, end: str, wire: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return the response that a client got: status, headers, body, trailers, and its end."""
    if response is None:
        return [f"no answer: {end}"]
    lines = [f"status {response.status}"]
    lines += [plain(f"{n}: {v}") for n, v in response.headers.items() if n != "transfer-encoding"]
    lines.append(f"body {body(response.body)}")
    lines += [f"trailer {n}: {v}" for n, v in response.trailers.items()]
    if end != "complete":
        lines.append(f"end {end}")
    return lines


def wire_lines(data: bytes, end: str) -> list[str]:
    """Return the bytes that a client received, line by line, and whether the connection was open afterwards."""
    lines = [plain(repr(line)[2:-1]) for line in data.split(b"\r\n")]
    shown = [line if len(line) <= 200 else f"{line[:200]}... ({len(line)})" for line in lines]
    return [*(f"> {line}" for line in (shown if data else [])), end]


def upstream_lines(request: Request, end: str = "complete") -> list[str]:
    """Return the request that an upstream saw."""
    lines = [plain(f"{request.method} {request.path} host={request.authority}")]
    hidden = ("host", "transfer-encoding", "x-script")
    lines += [plain(f"  {n}: {v}") for n, v in request.headers.items() if n not in hidden]
    if request.body or request.method == "POST":
        lines.append(f"  body {body(request.body)}")
    lines += [f"  trailer {n}: {v}" for n, v in request.trailers.items()]
    if end != "complete":
        lines.append("  cut off")
    return lines


def blocks(lines: Iterable[str]) -> list[list[str]]:
    """Divide lines into blocks. A line that isn't indented begins a block."""
    result: list[list[str]] = []
    for line in lines:
        if line.startswith(" ") and result:
            result[-1].append(line)
        else:
            result.append([line])
    return result


def body(data: bytes) -> str:
    """Return the size and the beginning of a body."""
    shown = repr(data[:60])[2:-1]
    return f"{len(data)} [{shown}]" if len(data) <= 60 else f"{len(data)} [{shown}...]"


def header_map(headers: Headers) -> list[str]:
    """Return entries as lines."""
    return [plain(f"{n}: {v}") for n, v in headers.items()]


def _host_text(text: str) -> str:
    """Return the first line of a message of the Wasm host, without the backtrace of its engine."""
    return plain(text.split("\n")[0]).partition(" initializing config")[0]
