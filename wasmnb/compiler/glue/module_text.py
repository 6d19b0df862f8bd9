"""The glue: WebAssembly text that connects Envoy with the component. Except for two files, it is generated from the ABI table.

The glue implements the component's imports: the part of WASI 0.2 that filters can use, and functions that start the app. It
exports the functions that Envoy calls: callbacks, the allocator, `_initialize` and the ABI marker. Callbacks call CPython
directly (`cpython.py`). The linker merges the glue with the component.

Rules that the glue follows (https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md):

* After each call of a component's export, its post-return function must be called. Otherwise, the guest's stack leaks.
* Creating and deleting a context doesn't run Python. Both are recorded in a journal (`journal.wat`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files

from ...abi import AbiVersion, Callback, Hostcall, callbacks_for, hostcalls_for
from ...parsing.wasm_types import Signatures
from ..wasm_binary.memory_image import PAGE
from .cpython import callback_text, cpython_text, imports_text, introspection_text
from .introspection import INTROSPECTION

__all__ = [
    "COPY_ARCHIVE",
    "FINISHED",
    "GLUE_PAGES",
    "ON_DELETE_IN_PYTHON",
    "REPORT",
    "VERSION",
    "WIT_INTERFACE",
    "WORLD_EXPORTS",
    "glue_text",
]

#: ABI version of compiled modules.
VERSION = AbiVersion.V0_2_1

#: Interface that the guest's world imports.
WIT_INTERFACE = "wasmnb:guest/host"

#: Functions that the component exports.
WORLD_EXPORTS = ("start", "sync")

#: Symbol of the function that copies a range of the archive. Its parameters are destination, offset and size.
COPY_ARCHIVE = "copy-archive"

#: Function that the component imports -> function of the glue.
WORLD_IMPORTS = {
    "natives": "natives",
    "bind": "bind",
    "source": "source-take",
    "environment": "environment-take",
    "report": "report",
    "abort": "abort",
}

#: Prefix of the glue's exports that the finished module exports as well.
FINISHED = "finished:"

#: Pages of the glue's own memory, which follows the component's memory. Layout:
#:
#:      +0  address and size of the filter's source; flags, see below
#:     +16  number of entries in the journal
#:     +20  number of bytes in the two line buffers (stdout, stderr)
#:     +28  number of the last pollable; +96 ready times of pollables (u64); +32 and +256 scratch
#:    +352  address and size of the report about loading the source
#:    +360  last response of the introspection export: object, address, size
#:    +512  see `layout.py`
#:   +4096  line buffers, 8 KiB each
#:  +20480  the journal: 4096 entries of context id and parent id (0xFFFFFFFF: deleted), u32 each
#:  +53248  messages of functions that trap
GLUE_PAGES = 1

#: Flag: deleting a context calls Python, because the filter overrides `on_delete`. While a context is waiting, the next
#: bit has the same effect.
ON_DELETE_IN_PYTHON = 1

#: Offset of the address and the size of the report.
REPORT = 352

_JOURNAL, _JOURNAL_ENTRIES, _MESSAGES = 20480, 4096, 53248

#: Functions of WASI preview 1 that the glue uses. Envoy provides all of them.
_PREVIEW_1 = {
    "clock_time_get": ("i32", "i64", "i32"),
    "random_get": ("i32", "i32"),
    "environ_sizes_get": ("i32", "i32"),
    "environ_get": ("i32", "i32"),
    "poll_oneoff": ("i32", "i32", "i32", "i32"),
}


def glue_text(imports: Signatures, base: int, first_slot: int, archive: tuple[int, int]) -> str:
    """Return the glue for a component as WebAssembly text.

    Parameters
    ----------
    imports
        Imports of the component: name from `glue_name` -> core signature.
    base
        Address of the glue's own memory.
    first_slot
        First unused slot of the component's function table.
    archive
        Address and size of the archive of Python's library.
    """
    hostcalls = tuple(hostcalls_for(VERSION).values())
    callbacks = tuple(callbacks_for(VERSION).values())
    handwritten = [_text("journal.wat"), _text("wasi.wat")]
    implemented = {f"{WIT_INTERFACE}#{name}" for name in WORLD_IMPORTS}
    missing = {n: s for n, s in imports.items() if n not in implemented and f'"{n}"' not in handwritten[1]}
    parts = [
        *_host_imports(hostcalls),
        *_component_imports(),
        *_constants(base, archive),
        *handwritten,
        *(f'  (export "{WIT_INTERFACE}#{n}" (func ${f}))' for n, f in WORLD_IMPORTS.items()),
        *cpython_text(hostcalls, base, first_slot),
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


# -- imports: hostcalls first, then the component's functions ----------------------------------------------------------


def _host_imports(hostcalls: Iterable[Hostcall]) -> Iterable[str]:
    for h in hostcalls:
        signature = _params(h.core_params) + _results(h.core_results)
        yield f'  (import "env" "{h.name}" (func ${h.name}{signature}))'
    for name, params in _PREVIEW_1.items():
        yield f'  (import "wasi_snapshot_preview1" "{name}" (func ${name}{_params(params)} (result i32)))'


def _component_imports() -> Iterable[str]:
    yield '  (import "component" "memory" (memory 0))'
    yield '  (import "component" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))'
    yield '  (import "component" "free" (func $free (param i32)))'
    for name in WORLD_EXPORTS:
        yield f'  (import "lift" "{name}" (func ${name}))'
        yield f'  (import "post" "{name}" (func ${name}-post))'
    yield from imports_text()


def _constants(base: int, archive: tuple[int, int]) -> Iterable[str]:
    yield f"  (global $base i32 (i32.const {base}))"
    yield f"  (global $journal i32 (i32.const {base + _JOURNAL}))"
    yield f"  (global $journal-entries i32 (i32.const {_JOURNAL_ENTRIES}))"
    yield f"  (global $archive i32 (i32.const {archive[0]}))"
    yield f"  (global $archive-size i32 (i32.const {archive[1]}))"


# -- functions from the tables ----------------------------------------------------------------------------------------


def _finished(callbacks: Sequence[Callback]) -> Iterable[str]:
    """Yield the functions that the finished module exports."""
    yield f'  (func (export "{FINISHED}{VERSION.marker}"))'
    yield f'  (func (export "{FINISHED}_initialize") (call $start) (call $start-post) (drop (call $PyGILState_Ensure)))'
    yield f'  (export "{FINISHED}proxy_on_memory_allocate" (func $allocate))'
    yield f'  (export "{FINISHED}proxy_on_context_create" (func $context-create))'
    yield f'  (export "{FINISHED}proxy_on_delete" (func $context-delete))'
    for number, c in enumerate(callbacks):
        if c.name == "proxy_on_delete":
            yield callback_text(c, number, "$on-delete")
        elif c.name != "proxy_on_context_create":
            yield callback_text(c, number, f'(export "{FINISHED}{c.name}")')
    yield introspection_text(len(callbacks), f'(export "{FINISHED}{INTROSPECTION}")')


def _refusals(missing: Signatures, base: int) -> Iterable[str]:
    """Yield functions for imports that Envoy doesn't provide. Each logs its name and traps."""
    at = base + _MESSAGES
    for name, (params, results) in missing.items():
        message = f"The filter called {name}, which Envoy doesn't provide for Wasm filters"
        yield f'  (data (i32.const {at}) "{message}")'
        yield (
            f'  (func (export "{name}"){_params(params)}{_results(results)}\n'
            f"    (drop (call $proxy_log (i32.const 5) (i32.const {at}) (i32.const {len(message)}))) unreachable)"
        )
        at += len(message)
    if at > base + GLUE_PAGES * PAGE:
        raise ValueError("the messages of trapping functions don't fit into the glue's memory")
