"""Problems that stop Envoy are described in a sentence each, and the real Envoy confirms them."""

import socket
import subprocess
import time

import pytest
from wasmtime import wat2wasm

from wasmnb.abi import AbiVersion
from wasmnb.compiler import inspect_module

MEMORY = '(memory (export "memory") 1)'
MALLOC = '(func (export "malloc") (param i32) (result i32) (i32.const 1024))'
MARKER = '(func (export "proxy_abi_version_0_2_1"))'
WHOLE = f"{MEMORY} {MALLOC} {MARKER}"
CALLS_HOST = '(import "env" "proxy_done" (func $done (result i32)))'


def wasm(text):
    return bytes(wat2wasm(f"(module {text})"))


#: name -> (module, part of the sentence; None if Envoy loads it)
CASES = {
    "whole": (wasm(WHOLE), None),
    "no marker": (wasm(MEMORY + MALLOC), "an ABI marker is missing"),
    "future marker": (wasm(f'{MEMORY} {MALLOC} (func (export "proxy_abi_version_0_3_0"))'), "proxy_abi_version_0_3_0"),
    "marker with a parameter": (wasm(f'{MEMORY} {MALLOC} (func (export "proxy_abi_version_0_2_1") (param i32))'), None),
    "marker that is a global": (
        wasm(f'{MEMORY} {MALLOC} (global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))'), "ABI with",
    ),
    "no allocator": (wasm(MEMORY + MARKER), "doesn't export an allocator"),
    "allocator of another type": (
        wasm(f'{MEMORY} {MARKER} (func (export "malloc") (param i64) (result i32) (i32.const 0))'), "malloc as i64 -> i32",
    ),
    "no memory": (wasm(MALLOC + MARKER), None),
    "1 GiB": (wasm(f'(memory (export "memory") 16384) {MALLOC} {MARKER}'), None),
    "more than 1 GiB": (wasm(f'(memory (export "memory") 16385) {MALLOC} {MARKER}'), "at most 1 GiB"),
    "2 GiB": (wasm(f'(memory (export "memory") 32768) {MALLOC} {MARKER}'), "initial memory is 2 GiB"),
    "unknown import": (wasm(f'(import "env" "nothing" (func)) {WHOLE}'), "imports env.nothing, which Envoy doesn't provide"),
    "unknown module": (wasm(f'(import "foo" "proxy_log" (func)) {WHOLE}'), "in the module env, not foo"),
    "import of another type": (
        wasm(f'(import "env" "proxy_log" (func (param i32))) {WHOLE}'), "as i32 -> void, but Envoy provides it as i32 i32 i32 -> i32",
    ),
    "imported global": (wasm(f'(import "env" "g" (global i32)) {WHOLE}'), "imports the global env.g"),
    "imported memory": (wasm(f'(import "env" "memory" (memory 1)) {MALLOC} {MARKER}'), None),
    "imported table": (wasm(f'(import "env" "t" (table 1 funcref)) {WHOLE}'), None),
    "import of another version": (
        wasm(f'(import "env" "proxy_continue_request" (func (result i32))) {WHOLE}'), "exists in ABI 0.1.0, but not in 0.2.1",
    ),
    "AssemblyScript's abort": (wasm(f'(import "env" "abort" (func (param i32 i32 i32 i32))) {WHOLE}'), "AssemblyScript"),
    "WASI of preview 1": (
        wasm(f'(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))) {WHOLE}'), None,
    ),
    "WASI of preview 2": (wasm(f'(import "wasi:cli/exit" "exit" (func (param i32))) {WHOLE}'), "wasm32-wasip1"),
    "callback of another type": (
        wasm(f'{WHOLE} (func (export "proxy_on_tick") (param i32 i32))'), "proxy_on_tick as i32 i32 -> void, but Envoy calls it as i32",
    ),
    "entry point of another type": (wasm(f'{WHOLE} (func (export "_initialize") (param i32))'), "_initialize as i32"),
    "_start that is never asked for": (
        wasm(f'{WHOLE} (func (export "_initialize")) (func (export "_start") (param i32))'), None,
    ),
    "start section that calls the host": (
        wasm(f"{CALLS_HOST} {WHOLE} (func $a (drop (call $done))) (func $s (call $a)) (start $s)"), "start section calls env.proxy_done",
    ),
    "start section that does not": (wasm(f"{CALLS_HOST} {WHOLE} (func $s) (start $s)"), None),
    "garbage collection": (wasm(f"{WHOLE} (type $s (struct (field i32))) (func (drop (struct.new $s (i32.const 1))))"), None),
    "exceptions": (wasm(f"{WHOLE} (tag $t) (func (throw $t))"), None),
    "two memories": (wasm(f"{WHOLE} (memory 1)"), None),
    "invalid body": (wasm(f"{WHOLE} (func (result i32) (i64.const 0))"), "Not a valid"),
    "cut short": (wasm(WHOLE)[:-5], "cut short"),
    "empty": (b"", "is empty"),
    "text": (b"hello, world", "not WebAssembly"),
    "component": (b"\0asm\x0d\0\x01\0", "component"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_problem_is_one_sentence(name):
    data, word = CASES[name]
    problems = inspect_module(data).problems
    if word is None:
        assert problems == ()
    else:
        assert any(word in p for p in problems), problems
        assert all("\n" not in p and p.endswith(".") or "Not a valid" in p for p in problems)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\0asm\x01", "cut short"),
        (b"\0asm\x02\0\0\0", "version other than 1"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"(module)", "text"),
    ],
)
def test_other_files_are_recognised(data, word):
    assert word in inspect_module(data).problems[0]


def test_module_facts_are_read():
    text = f'(import "env" "proxy_log" (func (param i32 i32 i32) (result i32))) {MALLOC} (memory (export "m") 3) (func (export "proxy_abi_version_0_1_0"))'
    facts = inspect_module(wasm(text))
    assert (facts.kind, facts.abi_version, facts.memory) == ("core", AbiVersion.V0_1_0, 3 * 65536)
    assert [(i.module, i.name, i.params) for i in facts.imports] == [("env", "proxy_log", ("i32", "i32", "i32"))]
    assert {(e.name, e.kind) for e in facts.exports} == {
        ("malloc", "func"),
        ("m", "memory"),
        ("proxy_abi_version_0_1_0", "func"),
    }
    assert facts.size == len(wasm(text))
    assert {"type", "import", "code", "export"} <= facts.sections.keys()


# -- the judge --------------------------------------------------------------------------------------------------------

CONFIGURATION = """
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.wasm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm
          config: {vm_config: {runtime: envoy.wasm.runtime.v8, code: {local: {filename: %s}}}}
      - name: envoy.filters.network.echo
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}
"""


def envoy_loads(data, folder):
    """Return whether a real Envoy starts with this module."""
    from wasmnb.envoy import find_envoy

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "module.wasm").write_bytes(data)
    (folder / "envoy.yaml").write_text(CONFIGURATION % (port, folder / "module.wasm"))
    command = [str(find_envoy()), "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--use-dynamic-base-id"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "-l", "error"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return True
            except OSError:
                time.sleep(0.05)
        assert process.poll() is not None, "Envoy neither came up nor gave up"
        return False
    finally:
        process.kill()
        process.wait()


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_envoy_refuses_the_same_modules(name, tmp_path):
    data, word = CASES[name]
    assert envoy_loads(data, tmp_path) == (word is None)
