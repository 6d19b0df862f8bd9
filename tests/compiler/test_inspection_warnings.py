"""Hostcalls whose results a module never receives cause warnings, but don't prevent Envoy from loading the module."""

import pytest
from wasmtime import wat2wasm

from wasmnb.abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS, PHASES, REPORTED_BY
from wasmnb.compiler import inspect_module

FRAME = (
    '(memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) (i32.const 1024)) '
    '(func (export "proxy_abi_version_0_2_1"))'
)


def module(hostcall, *callbacks):
    imported = HOSTCALLS[f"proxy_{hostcall}"]
    text = f'(import "env" "{imported.name}" (func (param {" ".join(imported.core_params)}) (result i32))) {FRAME}'
    for name in callbacks:
        params = " ".join(CALLBACKS[f"proxy_{name}"].core_params)
        text += f' (func (export "proxy_{name}") (param {params}))'
    return bytes(wat2wasm(f"(module {text})"))


@pytest.mark.parametrize("hostcall", REPORTED_BY)
def test_hostcall_without_its_callbacks_is_a_warning(hostcall):
    facts = inspect_module(module(hostcall))
    (warning,) = facts.warnings
    assert f"imports proxy_{hostcall}" in warning and f"proxy_{REPORTED_BY[hostcall][0]}" in warning
    assert facts.problems == ()


@pytest.mark.parametrize(("hostcall", "callback"), [(h, c) for h, names in REPORTED_BY.items() for c in names])
def test_hostcall_with_one_of_its_callbacks_is_fine(hostcall, callback):
    assert inspect_module(module(hostcall, callback)).warnings == ()


def calling(export, signature, hostcall, *, through=""):
    """Return a module with an export that calls a hostcall, directly or through another function."""
    imported = HOSTCALLS[hostcall]
    zeros = " ".join(f"({kind}.const 0)" for kind in imported.core_params)
    params, results = (" ".join(f"({word} {kind})" for kind in kinds) for word, kinds in zip(("param", "result"), signature, strict=True))
    call = f"(drop (call $h {zeros}))"
    inner = f"(func $inner {call})" if through else ""
    return bytes(wat2wasm(
        f'(module (import "env" "{hostcall}" (func $h (param {" ".join(imported.core_params)}) (result i32))) {FRAME} {inner} '
        f'(func (export "{export}") {params} {results} {"(call $inner)" if through else call} {"(i32.const 0)" if signature[1] else ""}))'
    ))  # fmt: skip


@pytest.mark.parametrize("hostcall", ["proxy_log", "proxy_get_current_time_nanoseconds", "proxy_close_stream"])
@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_forbidden_call_in_an_entry_point_is_a_warning(entry, hostcall):
    warnings = inspect_module(calling(entry, ENTRY_POINTS[entry], hostcall)).warnings
    forbidden = hostcall not in PHASES[entry].calls
    assert warnings == ((f"Its {entry} calls {hostcall}, which traps there.",) if forbidden else ())


@pytest.mark.parametrize("hostcall", ["proxy_close_stream", "proxy_send_local_response", "proxy_continue_stream"])
@pytest.mark.parametrize("callback", ["proxy_on_log", "proxy_on_done", "proxy_on_delete", "proxy_on_request_headers"])
def test_callback_that_crashes_envoy_is_a_warning(callback, hostcall):
    signature = CALLBACKS[callback].core_params, CALLBACKS[callback].core_results
    facts = inspect_module(calling(callback, signature, hostcall, through="inner"))
    forbidden = hostcall not in PHASES[CALLBACKS[callback].short].calls
    text = f"Its {callback} calls {hostcall}, which crashes Envoy there, on an HTTP stream."
    assert (facts.problems, facts.warnings) == ((), (text,) if forbidden else ())
