"""Modules in the text format that fail during their start, before a script could be read, or during a hostcall."""

import hashlib
from pathlib import Path

from platformdirs import user_cache_path

_MARKER = '(func (export "proxy_abi_version_0_2_1"))'
_MEMORY = '(memory (export "memory") 1)'
_LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
_GET = '(import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))'
_SEND = '(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))'
_MALLOC = '(func (export "malloc") (param i32) (result i32) i32.const 1024)'
_SAY = "(drop (call $log (i32.const 2) (i32.const {at}) (i32.const {size})))"
_TEXT = '(data (i32.const 64) "vm_start configure request  after    create   ")'


def _say(word: str) -> str:
    text = "vm_start configure request  after    create   "
    return _SAY.format(at=64 + text.index(word), size=len(word))


_CALLBACKS = (
    f'(func (export "proxy_on_vm_start") (param i32 i32) (result i32) {_say("vm_start")} i32.const 1)'
    f'(func (export "proxy_on_configure") (param i32 i32) (result i32) {_say("configure")} i32.const 1)'
    f'(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {_say("request")} i32.const 0)'
)
_ROOT = (
    '(func (export "proxy_on_context_create") (param i32 i32) {say} (if (i32.eqz (local.get 1)) (then unreachable)))'
)
_STREAM = '(func (export "proxy_on_context_create") (param i32 i32) {say} (if (local.get 1) (then unreachable)))'


def _allocator(body: str, call: str, imports: str = "") -> str:
    """A module whose request callback makes a hostcall that allocates."""
    return (
        f'{_LOG} {_GET} {_SEND} {imports} {_MARKER} {_MEMORY} {_TEXT} (data (i32.const 0) "plugin_name")'
        f' (func (export "proxy_on_memory_allocate") (param i32) (result i32) {body})'
        f' (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)'
        f" (i32.store8 (i32.const 60) (i32.add (i32.const 48) {call}))"
        f" {_say('after')} (drop (call $log (i32.const 2) (i32.const 60) (i32.const 1))) i32.const 0)"
    )


_PROPERTY = "(call $get (i32.const 0) (i32.const 11) (i32.const 32) (i32.const 36))"
_PAIRS = "(call $pairs (i32.const 0) (i32.const 32) (i32.const 36))"
_CONFIGURE = '(func (export "proxy_on_configure") (param i32 i32) (result i32) (drop {call}) {say} i32.const 1)'

#: name -> body of the module
TEXTS = {
    "trap in a root's on_context_create": f"{_LOG} {_MARKER} {_MEMORY} {_MALLOC} {_TEXT} {_ROOT.format(say=_say('create'))} {_CALLBACKS}",
    "trap in a stream's on_context_create": f"{_LOG} {_MARKER} {_MEMORY} {_MALLOC} {_TEXT} {_STREAM.format(say=_say('create'))} {_CALLBACKS}",
    "trap in the allocator, get_property": _allocator("unreachable", _PROPERTY),
    "trap in the allocator, get_header_map_pairs": _allocator("unreachable", _PAIRS),
    "trap in the allocator while configuring": (
        f'{_LOG} {_GET} {_MARKER} {_MEMORY} {_TEXT} (data (i32.const 0) "plugin_name")'
        f' (func (export "proxy_on_memory_allocate") (param i32) (result i32) unreachable)'
        f" {_CONFIGURE.format(call=_PROPERTY, say=_say('after'))}"
    ),
    "allocator gives an address outside": _allocator("i32.const 0x7fffffff", _PROPERTY),
    "allocator gives the last bytes": _allocator("i32.const 65530", _PROPERTY),
}


def start_module(name: str) -> Path:
    """Return the path of a module."""
    from wasmtime import wat2wasm

    data = bytes(wat2wasm(f"(module {TEXTS[name]})"))
    path = user_cache_path("wasmnb-tests") / "start" / f"{hashlib.sha256(data).hexdigest()[:16]}.wasm"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path
