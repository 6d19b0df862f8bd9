"""Plugins that start only on some threads, allocators that fail, identities of VMs, and statistics."""

from collections.abc import Sequence
from typing import Any

from ...foreign.start_modules import TEXTS
from ..scenario import Plug, Scenario, Send, Shutdown, Step, Tcp, Update, Wait, maker

S = maker("starting")

_STATS = r"^wasm\.(envoy|wasm_vm_count|.*\.vm_reload)"
_SEND = [Send(), Send("POST", body=b"abc"), Shutdown()]
_CAS = "set_shared_data n v 0; get_shared_data n; accept_below {n}"
_POLICIES = ("FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD")


def _s(name: str, steps: Sequence[Step], script: str = "", **options: Any) -> Scenario:
    return S(name, steps, script, show_start=True, stats=_STATS, **options)


def _configure(n: int, policy: str, **options: Any) -> Scenario:
    """The plugin refuses the n-th and all later calls of on_configure."""
    return _s(
        f"{policy}: on_configure returns 0 from the {n}th on",
        options.pop("steps", _SEND),
        f"on_configure: {_CAS.format(n=n)}\non_request_headers: return 0",
        plug={"options": {"failure_policy": policy}},
        **options,
    )


def _vm_start(n: int, policy: str, **options: Any) -> Scenario:
    """The plugin refuses the n-th and all later calls of on_vm_start."""
    return _s(
        f"{policy}: on_vm_start returns 0 from the {n}th on",
        options.pop("steps", _SEND),
        "on_request_headers: return 0",
        plug={"vm_script": f"on_vm_start: {_CAS.format(n=n)}", "options": {"failure_policy": policy}},
        **options,
    )


_TICK = "on_configure: set_tick_period_milliseconds 50; set_shared_data n v 0; get_shared_data n; accept_below {n}\non_tick: set_tick_period_milliseconds 0"
_RELOAD = {"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.3}

SCENARIOS: list[Scenario] = [
    *(_configure(n, "FAIL_CLOSED") for n in (2, 3)),
    *(_configure(3, policy) for policy in _POLICIES[1:]),
    *(_configure(4, policy, workers=2, steps=[Shutdown()]) for policy in _POLICIES),
    *(_vm_start(n, "FAIL_CLOSED") for n in (2, 3, 4, 5)),
    *(_vm_start(4, policy) for policy in _POLICIES[1:]),
    _s("a refused root with a tick", [Wait(0.3), Send(), Shutdown()], _TICK.format(n=3)),
    _s("a refused root beside another plugin of its VM", [Send(), Shutdown()], plugins=[Plug(f"on_configure: {_CAS.format(n=3)}\non_request_headers: return 0", name="a", root_id="ra"), Plug("on_configure: return 1\non_request_headers: return 0", name="b", root_id="rb")]),
    _s("a plugin beside a refused root that comes later", [Send(), Shutdown()], plugins=[Plug("on_configure: return 1\non_request_headers: return 0", name="a", root_id="ra"), Plug(f"on_configure: {_CAS.format(n=3)}\non_request_headers: return 0", name="b", root_id="rb")]),
    _s("a refused VM that two plugins share", [Send(), Shutdown()], plugins=[Plug("on_request_headers: return 0", f"on_vm_start: {_CAS.format(n=4)}", name="a", root_id="ra"), Plug("on_request_headers: return 0", f"on_vm_start: {_CAS.format(n=4)}", name="b", root_id="rb")]),
    _s("a network filter refused on its worker", [Tcp([b"hello", 0.1, "read"]), Shutdown()], f"on_configure: {_CAS.format(n=3)}\non_downstream_data: return 0", kind="tcp"),
    _s("a network filter whose VM is refused on its worker", [Tcp([b"hello", 0.1, "read"]), Shutdown()], plug={"vm_script": f"on_vm_start: {_CAS.format(n=4)}"}, kind="tcp"),
    _s("an access logger refused on its worker", [Send(), Shutdown()], plugins=(), access_log=Plug(f"on_configure: {_CAS.format(n=3)}\non_log: get_property response/code", name="logger", root_id="log")),
    _s("a service refused on its worker", [Wait(0.2), Shutdown()], plugins=(Plug(vm_id="other"),), services=(Plug(f"on_configure: {_CAS.format(n=3)}", "v", name="svc", root_id="svc", options={"singleton": False}),)),
    _s("an update that is refused on its worker", [Send(), Update([Plug(f"on_configure: {_CAS.format(n=3)}\non_request_headers: return 0")]), Send(), Shutdown()], "on_request_headers: return 0"),
    *(_s(f"{policy}: trap in on_configure of a worker", _SEND, "on_configure: set_shared_data n v 0; get_shared_data n; trap_from 3\non_request_headers: return 0", plug={"options": {"failure_policy": policy}}) for policy in _POLICIES),
    *(_s(f"{policy}: {name}", _SEND, plug={"module": name, "options": {"failure_policy": policy}}) for name in TEXTS for policy in _POLICIES[:2]),
    _s("fail_open: on_configure returns 0", [Send()], "on_configure: return 0", plug={"options": {"fail_open": True}}),
    _s("fail_open: on_configure traps", [Send()], "on_configure: trap", plug={"options": {"fail_open": True}}),
    _s("fail_open: on_vm_start returns 0", [Send()], plug={"vm_script": "on_vm_start: return 0", "options": {"fail_open": True}}),
    _s("FAIL_OPEN: on_configure returns 0", [Send()], "on_configure: return 0", plug={"options": {"failure_policy": "FAIL_OPEN"}}),
    _s("FAIL_RELOAD: on_configure returns 0", [Send()], "on_configure: return 0", plug={"options": {"failure_policy": "FAIL_RELOAD"}}),
    _s("counted: nothing failed", [Send()], "on_request_headers: return 0"),
    _s("counted: a trap and a reload", [Send(script="on_request_headers: trap"), Send(), Wait(0.6), Send()], plug={"options": _RELOAD}),
    _s("counted: a trap, closed", [Send(script="on_request_headers: trap"), Send()]),
    _s("counted: a trap, open", [Send(script="on_request_headers: trap"), Send()], plug={"options": {"failure_policy": "FAIL_OPEN"}}),
    _s("counted: four workers", [], workers=4),
    _s("identity: the same twice", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb")]),
    _s("identity: one has environment variables", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"environment": {"X": "1"}})]),
    _s("identity: both have the same environment variables", [Send()], plugins=[Plug("a", "v", "A", "ra", options={"environment": {"X": "1"}}), Plug("b", "v", "B", "rb", options={"environment": {"X": "1"}})]),
    _s("identity: one has a capability restriction", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"allowed_capabilities": ("proxy_log", "proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure", "random_get", "proxy_get_buffer_bytes")})]),
    _s("identity: one has another failure policy", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"failure_policy": "FAIL_OPEN"})]),
    _s("identity: one allows StopIteration", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"allow_on_headers_stop_iteration": True})]),
    _s("identity: host environment", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"host_environment": ("PATH",)})]),
    _s("identity: another reload backoff", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options=_RELOAD)]),
]  # fmt: skip
