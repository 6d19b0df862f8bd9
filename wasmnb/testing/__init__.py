"""The test kit for filters: builders, assertions, scripted upstreams, strict mode, snapshots, strategies, and a fuzzer.

wasmnb's own tests are in the folder `tests`.

    from wasmnb.testing import assert_response, assert_callouts, callout, request, response, send, upstream

    def test_valid_token_is_forwarded(wasm_proxy):
        auth = upstream(response(200, headers={"x-user": "ann"}))
        proxy = wasm_proxy("auth.py", clusters={"auth": auth})
        x = send(proxy, request("/pay", bearer="t0k"))
        assert_response(x, 200)
        assert_callouts(x, [callout("auth", path="/check")])

Importing `wasmnb.testing` is fast, because each name is loaded when it is first used. The fixtures `wasm_filter`, `wasm_proxy`
and `wasm_snapshot` and the marker `wasm_backends` are available in pytest without further setup.
"""

from __future__ import annotations

from typing import Any

#: Public name -> module that defines it.
_MODULES = {
    "exchange": "builders",
    "request": "builders",
    "response": "builders",
    "send": "builders",
    "ABSENT": "assertions.expectations",
    "ANY": "assertions.expectations",
    "containing": "assertions.expectations",
    "json_of": "assertions.expectations",
    "matching": "assertions.expectations",
    "assert_headers": "assertions.matchers",
    "assert_log": "assertions.matchers",
    "assert_metric": "assertions.matchers",
    "assert_no_log": "assertions.matchers",
    "assert_not_forwarded": "assertions.matchers",
    "assert_request": "assertions.matchers",
    "assert_response": "assertions.matchers",
    "assert_callouts": "assertions.callouts",
    "assert_fuel": "assertions.fuel",
    "callout": "assertions.callouts",
    "callouts": "assertions.callouts",
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
    "strict": "strict",
    "assert_memory_steady": "assertions.soundness",
    "assert_sound": "assertions.soundness",
    "wait_for_all": "assertions.soundness",
    "assert_snapshot": "snapshots",
    "snapshot": "snapshots",
    "write_test": "generated_tests.api",
    "run_declarative": "declarative_tests",
    "DeclarativeResult": "declarative_tests",
    "FixtureError": "declarative_tests",
    "strategies": "strategies",
    "Finding": "fuzzing",
    "FuzzReport": "fuzzing",
    "Scenario": "fuzzing",
    "fuzz": "fuzzing",
    "replay": "fuzzing",
}

__all__ = sorted(_MODULES)  # noqa: PLE0605 -- the names of the table


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f".{_MODULES[name]}", __name__)
    value = module if name == _MODULES[name] == "strategies" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
