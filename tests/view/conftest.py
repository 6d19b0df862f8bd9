"""Sample objects with the attributes of the host's classes, which are enough for views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from wasmnb.abi import Action, HeaderMapType, LogLevel, Status
from wasmnb.messages import Request, Response


@dataclass
class Node:
    kind: str
    name: str
    label: str = ""
    state: str = "running"
    facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    context: str = ""
    class_name: str = ""


@dataclass
class Event:
    seq: int
    kind: str
    name: str
    args: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    status: Any = None
    guest_ns: int = 0
    host_ns: int = 0
    parent: int | None = None
    time: float = 0.0
    thread: str = "worker-1"
    vm: int = 4
    context: int = 2
    exchange: int | None = 1


@dataclass
class Line:
    text: str
    level: LogLevel = LogLevel.INFO
    time: float = 0.25
    thread: str = "worker-1"
    vm: int = 4
    context: int = 2
    exchange: int | None = 1
    prefix: str = "wasm log auth auth"


@dataclass
class Exchange:
    request: Any
    upstream_request: Any
    upstream_response: Any
    response: Any
    number: int = 1
    worker: int = 1
    events: list[Event] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    state: str = "done"
    duration: float = 0.00125
    filter_ns: int = 85_000
    crash: Any = None
    failure: Any = None
    paused: str = ""
    waited: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def elapsed(self) -> float:
        return self.duration

    @property
    def done(self) -> bool:
        return self.state not in ("open", "paused")


class Samples:
    """Builders for sample objects."""

    Node, Event, Line, Exchange = Node, Event, Line, Exchange

    def proxy_tree(self, workers: int = 2, streams: int = 1) -> Node:
        def vm(name: str, number: int, live: int, state: str = "running") -> Node:
            inside = [Node("stream", f"context {i + 2}", state="paused" if i else "running") for i in range(live)]
            plugin = Node("plugin", "auth", counts={"live streams": live}, children=inside)
            return Node(
                "vm",
                f"VM{number}",
                name,
                state,
                {"role": name, "memory": 14 << 20},
                {},
                [] if state == "closed" else [plugin],
            )

        base = Node("vm", "VM1", "base", "template", {"role": "base", "memory": 13 << 20})
        main = Node("thread", "main", children=[base, vm("canary", 2, 0, "closed"), vm("main", 3, 0)])
        threads = [Node("thread", f"worker-{w + 1}", children=[vm("worker", 4 + w, streams)]) for w in range(workers)]
        return Node("proxy", "auth", children=[main, *threads])

    def events(self) -> list[Event]:
        get = {"map_type": HeaderMapType.REQUEST_HEADERS, "key": b"x-user"}
        put = {"map_type": HeaderMapType.REQUEST_HEADERS, "key": b"x-checked", "value": b"yes"}
        return [
            Event(1, "callback", "on_request_headers", {"context_id": 2, "num_headers": 5, "end_of_stream": True},
                  Action.CONTINUE, guest_ns=61_000),
            Event(2, "hostcall", "get_header_map_value", get, b"ann", Status.OK, host_ns=900, parent=1),
            Event(3, "hostcall", "add_header_map_value", put, None, Status.OK, host_ns=700, parent=1),
            Event(4, "callback", "on_response_headers", {"context_id": 2, "num_headers": 3}, Action.CONTINUE, guest_ns=24_000),
        ]  # fmt: skip

    def exchange(self, **over: Any) -> Exchange:
        request = Request("POST", "/pay?x=1", [("x-user", "ann"), ("cookie", "secret"), ("accept", "*/*")], b'{"a": 1}')
        upstream_request = Request(
            "POST", "/pay?x=1", [("x-user", "ANN"), ("accept", "*/*"), ("x-checked", "yes")], b'{"a": 1}'
        )
        received = Response(200, [("content-type", "text/plain"), ("server", "up")], b"hello")
        response = Response(200, [("content-type", "text/plain"), ("x-filter", "auth")], b"HELLO")
        fields = {
            "request": request, "upstream_request": upstream_request, "upstream_response": received,
            "response": response, "events": self.events(), "log": [Line("checked ann")],
        }  # fmt: skip
        return Exchange(**{**fields, **over})


@pytest.fixture
def samples() -> Samples:
    return Samples()
