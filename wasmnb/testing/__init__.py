"""The test kit: builders, matchers, scripted upstreams, strict mode, snapshots, strategies, and a fuzzer.

    from wasmnb.testing import assert_response, assert_callouts, callout, request, response, send, upstream

    def test_who_may(wasm_proxy):
        auth = upstream(response(200, headers={"x-user": "ann"}))
        proxy = wasm_proxy("auth.py", clusters={"auth": auth})
        x = send(proxy, request("/pay", bearer="t0k"))
        assert_response(x, 200)
        assert_callouts(x, [callout("auth", path="/check")])

Importing `wasmnb.testing` is cheap: each name is loaded when it is first used. pytest finds the fixtures `wasm_filter`
and `wasm_proxy` and the marker `wasm_backends` by itself.
"""

from __future__ import annotations

from typing import Any

#: Public name -> module that holds it.
_HOMES = {
    "exchange": "builders",
    "request": "builders",
    "response": "builders",
    "send": "builders",
    "ABSENT": "values",
    "ANY": "values",
    "containing": "values",
    "json_of": "values",
    "matching": "values",
    "assert_headers": "matchers",
    "assert_log": "matchers",
    "assert_metric": "matchers",
    "assert_no_log": "matchers",
    "assert_not_forwarded": "matchers",
    "assert_request": "matchers",
    "assert_response": "matchers",
    "assert_callouts": "calls",
    "assert_fuel": "cost",
    "callout": "calls",
    "callouts": "calls",
    "ScriptedUpstream": "upstreams",
    "failing": "upstreams",
    "grpc_reply": "upstreams",
    "refused": "upstreams",
    "tcp_reply": "upstreams",
    "resetting": "upstreams",
    "slow": "upstreams",
    "upstream": "upstreams",
    "enqueue": "events",
    "reconfigure": "events",
    "strict": "strictness",
    "assert_memory_steady": "soundness",
    "assert_sound": "soundness",
    "wait_for_all": "soundness",
    "assert_snapshot": "snapshots",
    "snapshot": "snapshots",
    "run_declarative": "declarative",
    "DeclarativeResult": "declarative",
    "FixtureError": "declarative",
    "strategies": "strategies",
    "Finding": "fuzzing",
    "FuzzReport": "fuzzing",
    "Scenario": "fuzzing",
    "fuzz": "fuzzing",
    "replay": "fuzzing",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 -- the table above is the list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f".{_HOMES[name]}", __name__)
    value = home if name == _HOMES[name] == "strategies" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
