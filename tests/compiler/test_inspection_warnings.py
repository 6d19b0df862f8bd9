"""Hostcalls whose results a module never gets are warnings of the inspection; they don't stop Envoy from loading it."""

import pytest
from wasmtime import wat2wasm

from wasmnb.abi import CALLBACKS, HOSTCALLS, REPORTED_BY
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
