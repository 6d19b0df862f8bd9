"""Small and unusual modules in the text format, which test the conditions for loading a module one by one."""

import hashlib
from pathlib import Path

from platformdirs import user_cache_path

_MARKER = '(func (export "proxy_abi_version_0_2_1"))'
_MEMORY = '(memory (export "memory") 1)'
_MALLOC = '(func (export "malloc") (param i32) (result i32) i32.const 1024)'
_LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'

#: name -> text of the module's body
TEXTS = {
    "minimal": f"{_MARKER} {_MEMORY} {_MALLOC}",
    "no allocator": f"{_MARKER} {_MEMORY}",
    "no memory": f"{_MARKER} {_MALLOC}",
    "memory under another name": f'{_MARKER} (memory (export "other") 1) {_MALLOC}',
    "imported memory": f'(import "env" "memory" (memory 1)) {_MARKER} {_MALLOC}',
    "imported table": f'(import "env" "table" (table 1 funcref)) {_MARKER} {_MEMORY} {_MALLOC}',
    "imported global": f'(import "env" "g" (global i32)) {_MARKER} {_MEMORY} {_MALLOC}',
    "no marker": f"{_MEMORY} {_MALLOC}",
    "marker 0.3.0": f'(func (export "proxy_abi_version_0_3_0")) {_MEMORY} {_MALLOC}',
    "marker as a global": f'(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0)) {_MEMORY} {_MALLOC}',
    "two markers": f'(func (export "proxy_abi_version_0_1_0")) {_MARKER} {_MEMORY} {_MALLOC}',
    "unknown hostcall": f'(import "env" "proxy_nope" (func (result i32))) {_MARKER} {_MEMORY} {_MALLOC}',
    "unknown module": f'(import "elsewhere" "f" (func)) {_MARKER} {_MEMORY} {_MALLOC}',
    "hostcall of another signature": f'(import "env" "proxy_log" (func (param i32) (result i32))) {_MARKER} {_MEMORY} {_MALLOC}',
    "unknown wasi function": f'(import "wasi_snapshot_preview1" "path_nope" (func (result i32))) {_MARKER} {_MEMORY} {_MALLOC}',
    "wasi_unstable": f'(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32))) {_MARKER} {_MEMORY} {_MALLOC}',
    "get_configuration in 0.2.1": f'(import "env" "proxy_get_configuration" (func (param i32 i32) (result i32))) {_MARKER} {_MEMORY} {_MALLOC}',
    "clear_route_cache in 0.2.1": f'(import "env" "proxy_clear_route_cache" (func (result i32))) {_MARKER} {_MEMORY} {_MALLOC}',
    "get_log_level in 0.2.0": f'(import "env" "proxy_get_log_level" (func (param i32) (result i32))) (func (export "proxy_abi_version_0_2_0")) {_MEMORY} {_MALLOC}',
    "continue_stream in 0.1.0": f'(import "env" "proxy_continue_stream" (func (param i32) (result i32))) (func (export "proxy_abi_version_0_1_0")) {_MEMORY} {_MALLOC}',
    "on_tick of another signature": f'(func (export "proxy_on_tick") (param i32 i32)) {_MARKER} {_MEMORY} {_MALLOC}',
    "on_request_headers with two parameters": f'(func (export "proxy_on_request_headers") (param i32 i32) (result i32) i32.const 0) {_MARKER} {_MEMORY} {_MALLOC}',
    "callback that is a global": f'(global (export "proxy_on_tick") i32 (i32.const 0)) {_MARKER} {_MEMORY} {_MALLOC}',
    "trap in _initialize": f'(func (export "_initialize") unreachable) {_MARKER} {_MEMORY} {_MALLOC}',
    "trap in _initialize, then main": (
        f'{_LOG} (func (export "_initialize") unreachable)'
        f' (func (export "main") (param i32 i32) (result i32) (drop (call $log (i32.const 2) (i32.const 0) (i32.const 4))) i32.const 0)'
        f' {_MARKER} {_MEMORY} {_MALLOC} (data (i32.const 0) "main")'
    ),
    "trap in the start section": f"{_MARKER} {_MEMORY} {_MALLOC} (func $s unreachable) (start $s)",
    "proc_exit in _start": (
        f'(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) {_MARKER} {_MEMORY} {_MALLOC}'
        ' (func (export "_start") (call $exit (i32.const 0)))'
    ),
    "get_property in _initialize": (
        '(import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))'
        f' (func (export "_initialize") (drop (call $get (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 12)))) {_MARKER} {_MEMORY} {_MALLOC}'
    ),
    "log in _initialize": (
        f'{_LOG} (func (export "_initialize") (drop (call $log (i32.const 3) (i32.const 0) (i32.const 5))))'
        f' {_MARKER} {_MEMORY} {_MALLOC} (data (i32.const 0) "hello")'
    ),
    "allocator that gives nothing": (
        f'{_LOG} (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32))) {_MARKER} {_MEMORY}'
        ' (func (export "malloc") (param i32) (result i32) i32.const 0) (data (i32.const 0) "plugin_name") (data (i32.const 64) "status ?")'
        ' (func (export "proxy_on_configure") (param i32 i32) (result i32)'
        "   (i32.store8 (i32.const 71) (i32.add (i32.const 48) (call $get (i32.const 0) (i32.const 11) (i32.const 32) (i32.const 36))))"
        "   (drop (call $log (i32.const 2) (i32.const 64) (i32.const 8))) i32.const 1)"
    ),
    "both allocators": (
        f'{_LOG} (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32))) {_MARKER} {_MEMORY}'
        ' (func (export "malloc") (param i32) (result i32) (drop (call $log (i32.const 2) (i32.const 64) (i32.const 6))) i32.const 512)'
        ' (func (export "proxy_on_memory_allocate") (param i32) (result i32) (drop (call $log (i32.const 2) (i32.const 72) (i32.const 5))) i32.const 512)'
        ' (data (i32.const 0) "plugin_name") (data (i32.const 64) "malloc  other")'
        ' (func (export "proxy_on_configure") (param i32 i32) (result i32)'
        "   (call $get (i32.const 0) (i32.const 11) (i32.const 32) (i32.const 36)) drop i32.const 1)"
    ),
    "proxy_validate_configuration": (
        f'{_LOG} (func (export "proxy_validate_configuration") (param i32 i32) (result i32)'
        f' (drop (call $log (i32.const 2) (i32.const 0) (i32.const 8))) i32.const 0) {_MARKER} {_MEMORY} {_MALLOC} (data (i32.const 0) "validate")'
    ),
    "2 GB of initial memory": f'{_MARKER} (memory (export "memory") 32768) {_MALLOC}',
}

#: name -> bytes that aren't a module
BYTES = {
    "garbage": b"this is no WebAssembly",
    "empty": b"",
    "truncated": b"\0asm\x01\0\0\0\x01\x7f",
    "magic only": b"\0asm",
    "a component": b"\0asm\x0d\0\x01\0",
}


def odd_module(name: str) -> Path:
    """Return the path of a module of `TEXTS` or `BYTES`, which is written on first use."""
    if name in BYTES:
        data = BYTES[name]
    else:
        from wasmtime import wat2wasm

        data = bytes(wat2wasm(f"(module {TEXTS[name]})"))
    path = user_cache_path("wasmnb-tests") / "odd" / f"{hashlib.sha256(data).hexdigest()[:16]}.wasm"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path
