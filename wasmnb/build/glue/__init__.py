"""The code between Envoy and the component, as WebAssembly text: two files by hand, the rest from the ABI table.

It gives the component what it imports (hostcalls, and the part of WASI 0.2 that a filter can use) and gives Envoy what
it wants exported (callbacks, allocator, `_initialize`, the ABI's marker).

Facts that its shape follows from (https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md):

* A hostcall without outputs has, lowered, the same core signature as Envoy's import: the import itself is given.
* One with outputs is declared as `-> tuple<u32, ...>`: status and outputs go to a return area, whose addresses can be
  handed to Envoy as they are. A list is a pointer and a size there, just as Envoy writes it.
* The component's side of a callback must be followed by its post-return function, with the result. Otherwise each call
  leaks stack in the guest.
* Making and deleting a context does not enter Python: it is written to a journal (`journal.wat`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files

from ...abi import AbiVersion, Callback, Hostcall, Kind, Result, callbacks_for, hostcalls_for
from ..memory_image import PAGE

__all__ = [
    "FINISHED",
    "GLUE_PAGES",
    "ON_DELETE_IN_PYTHON",
    "REPORT",
    "VERSION",
    "WIT_INTERFACE",
    "WORLD_EXPORTS",
    "glue_text",
    "wit_name",
]

#: The ABI version that our modules declare.
VERSION = AbiVersion.V0_2_1

#: Interface of the guest's world that carries the hostcalls.
WIT_INTERFACE = "wasmnb:guest/host"

#: Functions that the component offers beside the callbacks.
WORLD_EXPORTS = ("start", "sync")

#: Functions that the component imports beside the hostcalls, and who serves them.
WORLD_IMPORTS = {
    "journal": "journal-take",
    "source": "source-take",
    "environment": "environment-take",
    "report": "report",
    "abort": "abort",
}

#: Exports of the glue that are exports of the finished module, too, have this before their name.
FINISHED = "finished:"

#: Pages of memory that the glue has for itself, after the component's. From their start:
#:
#:      +0  address, then size of the filter's source; then flags, see below
#:     +16  number of entries in the journal
#:     +20  number of bytes that wait in the two line buffers (stdout, stderr)
#:     +28  last pollable given; +96 when each of them is ready (u64); +32 and +256 scratch
#:    +352  address and size of what loading the source reported
#:   +4096  line buffers, 8 KiB each
#:  +20480  the journal: 4096 entries of context id and parent id (0xFFFFFFFF: deleted), u32 each
#:  +53248  messages of functions that trap
GLUE_PAGES = 1

#: Flag: deleting a context enters Python, since the filter overrides `on_delete`.
ON_DELETE_IN_PYTHON = 1

#: Where the address and the size of the report stand.
REPORT = 352

_JOURNAL, _JOURNAL_ENTRIES, _MESSAGES = 20480, 4096, 53248

#: What the glue uses of WASI preview 1, all of which Envoy has.
_PREVIEW_1 = {
    "clock_time_get": ("i32", "i64", "i32"),
    "random_get": ("i32", "i32"),
    "environ_sizes_get": ("i32", "i32"),
    "environ_get": ("i32", "i32"),
    "poll_oneoff": ("i32", "i32", "i32", "i32"),
}

Signatures = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


def wit_name(name: str) -> str:
    """A name of the ABI table as WIT writes it."""
    return name.replace("_", "-")


def glue_text(wanted: Signatures, base: int) -> str:
    """The glue, for a component.

    Parameters
    ----------
    wanted
        What the component imports: `graph.glue_name` -> core signature.
    base
        Address of the glue's own memory.
    """
    hostcalls = hostcalls_for(VERSION).values()
    callbacks = callbacks_for(VERSION).values()
    by_hand = [_text("journal.wat"), _text("wasi.wat")]
    served = {f"{WIT_INTERFACE}#{wit_name(name)}" for name in (*WORLD_IMPORTS, *(h.short for h in hostcalls))}
    missing = {n: s for n, s in wanted.items() if n not in served and f'"{n}"' not in by_hand[1]}
    parts = [
        *_host_imports(hostcalls),
        *_component_imports(callbacks),
        *_constants(base),
        *by_hand,
        *(f'  (export "{WIT_INTERFACE}#{n}" (func ${f}))' for n, f in WORLD_IMPORTS.items()),
        *map(_hostcall, hostcalls),
        *_finished(callbacks),
        *_refusals(missing, base),
    ]
    return "(module\n" + "\n".join(parts) + ")\n"


def _text(name: str) -> str:
    return (files(__package__) / name).read_text()


def _params(types: Iterable[str]) -> str:
    return "".join(f" (param {t})" for t in types)


def _results(types: Iterable[str]) -> str:
    return "".join(f" (result {t})" for t in types)


# -- imports: first Envoy's, then the component's functions -----------------------------------------------------------


def _host_imports(hostcalls: Iterable[Hostcall]) -> Iterable[str]:
    for h in hostcalls:
        signature = _params(h.core_params) + _results(h.core_results)
        yield f'  (import "env" "{h.name}" (func ${h.name}{signature}))'
    for name, params in _PREVIEW_1.items():
        yield f'  (import "wasi_snapshot_preview1" "{name}" (func ${name}{_params(params)} (result i32)))'


def _component_imports(callbacks: Iterable[Callback]) -> Iterable[str]:
    yield '  (import "component" "memory" (memory 0))'
    yield '  (import "component" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))'
    yield '  (import "component" "free" (func $free (param i32)))'
    signatures = {wit_name(c.short): (c.core_params, c.core_results) for c in callbacks}
    for name, (params, results) in {**signatures, **dict.fromkeys(WORLD_EXPORTS, ((), ()))}.items():
        yield f'  (import "lift" "{name}" (func ${name}{_params(params)}{_results(results)}))'
        yield f'  (import "post" "{name}" (func ${name}-post{_params(results)}))'


def _constants(base: int) -> Iterable[str]:
    yield f"  (global $base i32 (i32.const {base}))"
    yield f"  (global $journal i32 (i32.const {base + _JOURNAL}))"
    yield f"  (global $journal-entries i32 (i32.const {_JOURNAL_ENTRIES}))"


# -- functions from the tables ----------------------------------------------------------------------------------------


def _hostcall(hostcall: Hostcall) -> str:
    """What the component calls for a hostcall: the import, or a function around it.

    componentize-py 0.25 copies every list that is passed and never frees the copy: that is done here.
    """
    export = f'(export "{WIT_INTERFACE}#{wit_name(hostcall.short)}")'
    copies, at = [], 0
    for p in hostcall.inputs:
        if len(p.kind.core) == 2:
            copies.append(at)
        at += len(p.kind.core)
    if not hostcall.outputs and not copies:
        return f"  {export[:-1]} (func ${hostcall.name}))"
    inputs = [t for p in hostcall.inputs for t in p.kind.core]
    given = " ".join(f"(local.get {i})" for i in range(len(inputs)))
    freed = " ".join(f"(call $free (local.get {i}))" for i in copies)
    if not hostcall.outputs:
        return f"""  (func {export}{_params(inputs)} (result i32)
    (call ${hostcall.name} {given}) {freed})"""
    ret = f"(local.get {len(inputs)})"
    addresses, cleared = _return_area(hostcall, ret)
    return f"""  (func {export}{_params(inputs)} (param i32)
    {cleared}
    (i32.store {ret} (call ${hostcall.name} {given} {addresses})) {freed})"""


def _return_area(hostcall: Hostcall, ret: str) -> tuple[str, str]:
    """Addresses of the outputs in the return area after the status, and what sets them to zero."""
    addresses, cleared, at = [], [], 4
    for output in hostcall.outputs:
        size = 8 if output.kind is Kind.OUT_U64 else 4
        at += -at % size
        for _ in output.kind.core:
            addresses.append(f"(i32.add {ret} (i32.const {at}))")
            cleared.append(f"(i{8 * size}.store offset={at} {ret} (i{8 * size}.const 0))")
            at += size
    return " ".join(addresses), " ".join(cleared)


def _finished(callbacks: Iterable[Callback]) -> Iterable[str]:
    """The exports of the finished module."""
    special = {"proxy_on_context_create": "context-create", "proxy_on_delete": "context-delete"}
    yield f'  (func (export "{FINISHED}{VERSION.marker}"))'
    yield f'  (func (export "{FINISHED}_initialize") (call $start) (call $start-post))'
    yield f'  (export "{FINISHED}proxy_on_memory_allocate" (func $allocate))'
    for c in callbacks:
        if c.name in special:
            yield f'  (export "{FINISHED}{c.name}" (func ${special[c.name]}))'
        else:
            yield _callback(c)


def _callback(c: Callback) -> str:
    name = wit_name(c.short)
    given = " ".join(f"(local.get {i})" for i in range(len(c.core_params)))
    head = f'  (func (export "{FINISHED}{c.name}"){_params(c.core_params)}{_results(c.core_results)}'
    if c.result is Result.NONE:
        return f"{head}\n    (call ${name} {given}) (call ${name}-post))"
    result = f"(local.get {len(c.core_params)})"
    return (
        f"{head} (local i32)\n    (local.set {len(c.core_params)} (call ${name} {given}))"
        f" (call ${name}-post {result}) {result})"
    )


def _refusals(missing: Signatures, base: int) -> Iterable[str]:
    """A function that says its name in the log and traps, for everything that Envoy has nothing for."""
    at = base + _MESSAGES
    for name, (params, results) in missing.items():
        message = f"The filter called {name}, which Envoy does not offer to Wasm filters"
        yield f'  (data (i32.const {at}) "{message}")'
        yield (
            f'  (func (export "{name}"){_params(params)}{_results(results)}\n'
            f"    (drop (call $proxy_log (i32.const 5) (i32.const {at}) (i32.const {len(message)}))) unreachable)"
        )
        at += len(message)
    if at > base + GLUE_PAGES * PAGE:
        raise ValueError("the messages of functions that trap do not fit into the glue's memory")
