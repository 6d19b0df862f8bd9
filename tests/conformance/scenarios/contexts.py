"""Callbacks that fail in every kind of context, under every policy, and starts that are refused at various moments."""

from collections.abc import Sequence
from typing import Any

from ..scenario import Plug, Scenario, Send, Shutdown, Step, Tcp, Update, Wait, maker

_make = maker("contexts")

_STATS = r"^wasm\.(envoy|wasm_vm_count|.*\.vm_reload)"
_POLICIES = ("FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD")
_ON = {p: {"failure_policy": p, **({"reload_backoff": 0.3} if p == "FAIL_RELOAD" else {})} for p in _POLICIES}
_SLOWLY = {"FAIL_RELOAD": {"failure_policy": "FAIL_RELOAD", "reload_backoff": 9.0}}
_CAS = "set_shared_data n v 0; get_shared_data n; accept_below {n}"
_COUNT_TRAP = "set_shared_data n v 0; get_shared_data n; trap_from {n}"


def _s(name: str, steps: Sequence[Step], script: str = "", **options: Any) -> Scenario:
    return _make(name, steps, script, show_start=True, stats=_STATS, **options)


#: Callbacks of calls that a request started: the call, the callback, and what fails there.
_CALLS = {
    "an HTTP call's response": ("http_call up :method=GET&:path=/cb&:authority=cb _ _ 500", "on_http_call_response"),
    "an HTTP call's timeout": ("http_call up :method=GET&:path=/slow&:authority=cb _ _ 100", "on_http_call_response"),
    "a gRPC answer": ("grpc_call g svc Unary _ hello 1000", "on_grpc_receive"),
    "a gRPC failure": ("grpc_call g svc Fail _ hello 1000", "on_grpc_close"),
    "a gRPC stream's metadata": ("grpc_stream g svc Early _", "on_grpc_receive_initial_metadata"),
    "a gRPC stream's message": ("grpc_stream g svc Stream _; grpc_send 6 bye 0", "on_grpc_receive"),
    "a gRPC stream's trailers": ("grpc_stream g svc Stream _; grpc_send 6 bye 0", "on_grpc_receive_trailing_metadata"),
    "a gRPC stream's end": ("grpc_stream g svc Stream _; grpc_send 6 bye 0", "on_grpc_close"),
    "a tick": ("set_tick_period_milliseconds 60", "on_tick"),
}


def _held(what: str, policy: str, fault: str = "trap") -> Scenario:
    """A callback of the root context fails while a request waits for it, and another request follows."""
    call, callback = _CALLS[what]
    script = f"on_request_headers#1: {call}; return 1\n{callback}: {fault}"
    return _s(f"{policy}: {fault} in {what} while a request waits", [Send(wait=1.0), Send(script="on_request_headers: return 0", wait=1.0), Shutdown()], script, plug={"options": _SLOWLY.get(policy, _ON[policy])})


def _passed(what: str, policy: str = "FAIL_CLOSED") -> Scenario:
    """A callback of the root context fails after the request has ended, and another request follows."""
    call, callback = _CALLS[what]
    script = f"on_log#1: {call}\n{callback}: trap"
    return _s(f"{policy}: trap in {what} after the stream's end", [Send(wait=1.0), Wait(0.7), Send(script="on_request_headers: return 0"), Shutdown()], script, plug={"options": _ON[policy]})


def _tcp(name: str, policy: str, script: str, moves: Sequence[Any] = (b"one", 0.1, "read"), again: Sequence[Any] = (b"two", 0.1, "read"), **options: Any) -> Scenario:
    return _s(f"network filter, {policy}: {name}", [Tcp(list(moves)), Wait(0.5), Tcp(list(again)), Shutdown()], script, plug={"options": _ON[policy]}, kind="tcp", **options)


_LOGGER = {"name": "logger", "root_id": "log"}


def _logger(name: str, script: str, policy: str = "FAIL_CLOSED", steps: Sequence[Step] = (), vm_script: str = "") -> Scenario:
    logger = Plug(script, vm_script, **_LOGGER, vm_id="l", options=_ON[policy])
    return _s(f"access logger, {policy}: {name}", [*(steps or (Send(), Wait(1.0), Send())), Shutdown()], plugins=(Plug("on_request_headers: return 0", name="f", root_id="f"),), access_log=logger)


def _service(name: str, script: str, policy: str = "FAIL_CLOSED", *, singleton: bool = True, vm_script: str = "") -> Scenario:
    service = Plug(script, vm_script, name="svc", root_id="svc", options={"singleton": singleton, **_ON[policy]})
    kind = "singleton" if singleton else "service"
    return _s(f"{kind}, {policy}: {name}", [Wait(1.0), Send(), Shutdown()], plugins=(Plug("on_request_headers: return 0", name="f", root_id="f", vm_id="other"),), services=(service,))


_TWICE = [Send(), Wait(1.3), Send("POST", body=b"abc"), Shutdown()]

SCENARIOS: list[Scenario] = [
    *(_held(what, policy) for what in _CALLS for policy in _POLICIES),
    *(_passed(what) for what in _CALLS),
    *(_passed(what, "FAIL_RELOAD") for what in list(_CALLS)[:3]),
    *(_tcp(f"trap in {c}", policy, f"on_{c}: trap", moves) for c, moves in (("new_connection", (b"one", 0.1, "read")), ("downstream_data", (b"one", 0.1, "read")), ("upstream_data", (b"one", 0.1, "read")), ("downstream_connection_close", (b"one", "read")), ("upstream_connection_close", (b"QUIT", "read", "read")), ("log", (b"one", "read")), ("done", (b"one", "read")), ("delete", (b"one", "read"))) for policy in _POLICIES),
    *(_tcp(f"trap in {name} while data waits", policy, script) for name, script in (("a tick", "on_downstream_data: set_tick_period_milliseconds 60; return 1\non_tick: trap"), ("an HTTP call's response", "on_downstream_data: http_call up2 :method=GET&:path=/cb&:authority=cb _ _ 500; return 1\non_http_call_response: trap")) for policy in _POLICIES),
    *(_s(f"network filter, {policy}: on_vm_start returns 0", [Tcp([b"one", 0.1, "read"]), Wait(0.5), Tcp([b"two", 0.1, "read"]), Shutdown()], kind="tcp", plug={"vm_script": "on_vm_start: return 0", "options": _ON[policy]}) for policy in _POLICIES),
    *(_s(f"network filter, {policy}: {name}", [Tcp([b"one", 0.1, "read"]), Wait(0.5), Tcp([b"two", 0.1, "read"]), Shutdown()], script, kind="tcp", plug={"options": _ON[policy]}) for policy in _POLICIES for name, script in (("on_configure returns 0", "on_configure: return 0"), ("on_configure traps", "on_configure: trap"), ("on_configure refuses on the worker", f"on_configure: {_CAS.format(n=3)}"), ("on_configure traps on the worker", f"on_configure: {_COUNT_TRAP.format(n=3)}"))),
    *(_logger(name, script, policy) for name, script in (("trap in on_log", "on_log: get_property response/code; trap"), ("on_configure returns 0", "on_configure: return 0"), ("on_configure traps", "on_configure: trap"), ("on_configure refuses on the worker", f"on_configure: {_CAS.format(n=3)}"), ("trap in a tick", "on_configure: set_tick_period_milliseconds 600\non_tick: trap")) for policy in _POLICIES),
    _logger("trap in an HTTP call of on_log", "on_log#1: http_call up :method=GET&:path=/cb&:authority=cb _ _ 500\non_http_call_response: trap"),
    _logger("on_vm_start returns 0", "", vm_script="on_vm_start: return 0"),
    _logger("on_vm_start traps", "", "FAIL_OPEN", vm_script="on_vm_start: trap"),
    *(_service(name, script, policy, singleton=singleton) for name, script in (("on_configure returns 0", "on_configure: return 0"), ("on_configure traps", "on_configure: trap"), ("a tick traps", "on_configure: set_tick_period_milliseconds 600\non_tick: trap"), ("an HTTP call's response traps", "on_configure: set_tick_period_milliseconds 600\non_tick: set_tick_period_milliseconds 0; http_call up :method=GET&:path=/cb&:authority=cb _ _ 500\non_http_call_response: trap")) for policy in _POLICIES for singleton in (True, False)),
    _service("on_vm_start returns 0", "", vm_script="on_vm_start: return 0"),
    _service("on_vm_start traps", "", vm_script="on_vm_start: trap"),
    *(_s(f"{policy}: {name}", _TWICE, script, plug={"vm_script": vm, "options": _ON[policy]}) for policy in _POLICIES for name, script, vm in (
        ("on_vm_start traps", "", "on_vm_start: trap"), ("on_vm_start traps on the worker", "on_request_headers: return 0", f"on_vm_start: {_COUNT_TRAP.format(n=3)}"), ("on_configure traps on the third", f"on_configure: {_COUNT_TRAP.format(n=2)}\non_request_headers: return 0", ""), ("on_context_create traps for the second stream", "on_context_create#1: return 0\non_request_headers#2: trap", ""), ("a tick of the root traps at once", "on_configure: set_tick_period_milliseconds 500\non_tick: trap", ""), ("the second tick traps", "on_configure: set_tick_period_milliseconds 500\non_tick#1: return 0\non_tick#2: trap", ""),
    )),
    *(_s(f"{policy}: a queue's callback traps", [Send(), Wait(0.3), Send(script="on_request_headers: return 0"), Shutdown()], "on_configure: register_shared_queue q\non_request_headers#1: resolve_shared_queue vm1 q; enqueue_shared_queue $ m\non_queue_ready: trap", plug={"options": _SLOWLY.get(policy, _ON[policy])}) for policy in _POLICIES),
    *(_s(f"{policy}: traps in two streams at once", [Send("POST", chunks=[b"a", b"b"], script="on_request_body: trap"), Send("POST", chunks=[b"a"], script="on_response_headers: trap"), Wait(0.5), Send(), Shutdown()], plug={"options": _ON[policy]}) for policy in _POLICIES),
    *(_s(f"{policy}: a trap in {c} over HTTP/2", [Send(http2=True), Send("POST", "/trailers", body=b"abc", trailers=[("x-t", "1")], http2=True, script=f"on_{c}: trap"), Send(http2=True), Shutdown()], plug={"options": _ON[policy]}) for policy in _POLICIES[:2] for c in ("request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers")),
    *(_s(f"FAIL_RELOAD: trap in {c}, then again", [Send("POST", "/trailers", chunks=[b"a"], trailers=[("x-t", "1")], script=f"on_{c}: trap"), Wait(0.5), Send(), Send(script="on_request_headers: trap"), Send(), Shutdown()], plug={"options": _ON["FAIL_RELOAD"]}) for c in ("request_body", "request_trailers", "response_headers", "response_body", "response_trailers", "log", "done", "delete")),
    *(_s(f"FAIL_RELOAD: reloaded while {name}", [Send(script="on_request_headers: trap"), *steps, Shutdown()], "on_request_headers: return 0", plug={"options": {"failure_policy": "FAIL_RELOAD", **({"reload_backoff": b} if b else {})}}) for name, b, steps in (("the backoff is the default", 0.0, [Wait(0.5), Send(), Wait(1.3), Send()]), ("nothing comes", 0.2, [Wait(1.0)]), ("requests keep coming", 0.4, [Send(), Wait(0.2), Send(), Wait(0.4), Send()]))),
    _s("FAIL_RELOAD: refused when it is loaded again", [Send(script="on_request_headers: trap"), Wait(0.5), Send(), Wait(0.5), Send(), Shutdown()], f"on_configure: {_CAS.format(n=4)}\non_request_headers: return 0", plug={"options": _ON["FAIL_RELOAD"]}),
    _s("FAIL_RELOAD: its VM is refused when it is loaded again", [Send(script="on_request_headers: trap"), Wait(0.5), Send(), Wait(0.5), Send(), Shutdown()], "on_request_headers: return 0", plug={"vm_script": f"on_vm_start: {_CAS.format(n=4)}", "options": _ON["FAIL_RELOAD"]}),
    _s("FAIL_RELOAD: it traps when it is loaded again", [Send(script="on_request_headers: trap"), Wait(0.5), Send(), Wait(0.5), Send(), Shutdown()], f"on_configure: {_COUNT_TRAP.format(n=3)}\non_request_headers: return 0", plug={"options": _ON["FAIL_RELOAD"]}),
    _s("FAIL_RELOAD: state of the VM is new, shared data is not", [Send(script="on_request_headers: set_shared_data k old 0; trap"), Wait(0.5), Send(script="on_request_headers: get_shared_data k"), Shutdown()], plug={"options": _ON["FAIL_RELOAD"]}),
    _s("an update replaces a failed VM", [Send(script="on_request_headers: trap"), Update([Plug("on_request_headers: return 0", "v2")]), Send(), Shutdown()], plug={"vm_script": "v1"}),
    _s("an update with the same VM after a trap", [Send(script="on_request_headers: trap"), Update([Plug("on_request_headers: return 0", "v1")]), Send(), Shutdown()], plug={"vm_script": "v1"}),
    _s("an update to a plugin that is open", [Send(script="on_request_headers: trap"), Update([Plug("on_request_headers: return 0", "v1", options={"failure_policy": "FAIL_OPEN"})]), Send(), Shutdown()], plug={"vm_script": "v1"}),
    _s("an update whose on_configure traps", [Update([Plug("on_configure: trap", "v1")]), Send(), Shutdown()], plug={"vm_script": "v1"}),
    _s("an update whose VM is refused", [Update([Plug("", "on_vm_start: return 0")]), Send(), Shutdown()], plug={"vm_script": "v1"}),
    *(_s(f"three filters, {first} {second} {third}, the second traps", [Send(script="on_request_headers: return 0"), Send(), Shutdown()], plugins=tuple(Plug("on_request_headers: trap" if n == "b" else "on_request_headers: return 0", name=n, root_id=n, vm_id=n, options=_ON[p]) for n, p in zip("abc", (first, second, third), strict=True))) for first, second, third in (("FAIL_CLOSED", "FAIL_OPEN", "FAIL_CLOSED"), ("FAIL_OPEN", "FAIL_CLOSED", "FAIL_OPEN"))),
    *(_s(f"{policy}: {name}", [Send(), Send(), Shutdown()], plug={"module": name, "options": _ON[policy]}) for policy in _POLICIES for name in ("allocator that gives nothing", "trap in _initialize", "no marker", "unknown hostcall", "garbage")),
    *(_s(f"identity: {name}", [Send(), Shutdown()], plugins=[Plug("a", "v", "A", "ra", **one), Plug("b", "v", "B", "rb", **other)]) for name, one, other in (
        ("both the same restriction", {"options": {"allowed_capabilities": ("proxy_log", "proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure", "random_get", "proxy_get_buffer_bytes")}}, {"options": {"allowed_capabilities": ("proxy_log", "proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure", "random_get", "proxy_get_buffer_bytes")}}),
        ("restrictions in another order", {"options": {"allowed_capabilities": ("proxy_log", "random_get")}}, {"options": {"allowed_capabilities": ("random_get", "proxy_log")}}),
        ("FAIL_RELOAD and FAIL_CLOSED", {"options": _ON["FAIL_RELOAD"]}, {"options": _ON["FAIL_CLOSED"]}),
        ("FAIL_RELOAD with two backoffs", {"options": _ON["FAIL_RELOAD"]}, {"options": {"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.9}}),
        ("an empty environment variable", {"options": {"environment": {"X": ""}}}, {}),
        ("two of one variable more", {"options": {"environment": {"X": "1"}}}, {"options": {"environment": {"X": "1", "Y": "1"}}}),
        ("no vm_id", {"vm_id": ""}, {"vm_id": ""}),
        ("one without vm_id", {"vm_id": ""}, {}),
    )),
    _s("an update there and back", [Send(), Update([Plug("on_request_headers: return 0", "v2")]), Wait(1.5), Update([Plug("", "v1")]), Wait(1.5), Send(), Shutdown()], plug={"vm_script": "v1"}),
    _s("an update with the same plugin beside a new one, after a trap", [Send(script="on_request_headers: trap"), Update([Plug("", "v1"), Plug("on_request_headers: return 0", "v2", name="second", root_id="r2")]), Send(), Shutdown()], plug={"vm_script": "v1"}),
    _s("identity: three, of which two are the same", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"environment": {"X": "1"}}), Plug("c", "v", "C", "rc")]),
    _s("identity: a filter, a service and a logger", [Send(), Wait(0.1), Shutdown()], plugins=(Plug("on_request_headers: return 0", "v", name="f", root_id="f"),), services=(Plug("", "v", name="svc", root_id="svc", options={"singleton": False}),), access_log=Plug("on_log: get_property response/code", "v", name="logger", root_id="log")),
    _s("identity: a singleton and a filter", [Send(), Shutdown()], plugins=(Plug("on_request_headers: return 0", "v", name="f", root_id="f"),), services=(Plug("", "v", name="svc", root_id="svc", options={"singleton": True}),)),
    _s("counted: two workers, a trap, loaded again", [Send(script="on_request_headers: trap"), Send(), Wait(0.6), Send(), Shutdown()], plug={"options": _ON["FAIL_RELOAD"]}, workers=1),
    _s("counted: an update", [Send(), Update([Plug("on_request_headers: return 0", "v2")]), Wait(1.5), Send(), Shutdown()], plug={"vm_script": "v1"}),
]  # fmt: skip
