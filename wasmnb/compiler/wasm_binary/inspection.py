"""Inspection of a Wasm module: its imports, exports and sizes, and the reasons why Envoy would refuse it, each with a remedy.

All rules are verified with Envoy 1.40 and V8. Envoy must provide every imported function with exactly the imported signature,
and provides no globals. It refuses a callback, entry point or allocator that is exported with another signature, and more than
1 GiB of initial memory. A start section that calls a host function crashes the whole process. Envoy accepts garbage collection,
exceptions, tail calls, vectors, several memories, 64-bit memory, and modules without memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from ..._display import Shown, bounded, short
from ...abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS, REPORTED_BY, AbiVersion, callbacks_for, hostcalls_for
from ...abi.wasi import WASI_MODULES, WASI_PREVIEW_1
from ...engine import ExportType, ImportType, default_engine
from ...engine.declarations import signature_text
from ...errors import ModuleError
from ...parsing.leb128 import CORE_MAGIC, Malformed
from ...parsing.wasm_types import Limits, Signature
from .component import COMPONENT_MAGIC
from .core_module import CoreModule
from .phase_checks import phase_warnings, start_problem

__all__ = ["ENVOY_ENV", "HIGRESS_ENV", "ModuleFacts", "inspect_module"]

#: Maximum initial size of a memory in bytes: V8 as configured by Envoy allows at most 1 GiB.
_MOST_MEMORY = 1 << 30

#: Exports that Envoy uses to allocate memory in a VM, in order of preference.
_ALLOCATORS = ("malloc", "proxy_on_memory_allocate")

#: Imports that Envoy provides in addition to the ABI: name -> (core parameters, core results).
ENVOY_ENV: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pthread_equal": (("i32", "i32"), ("i32",)),
    "emscripten_notify_memory_growth": (("i32",), ()),
    "envoy_resolve_dns": (("i32", "i32", "i32"), ("i32",)),
}

#: Imports that only Higress's Envoy provides in addition: name -> (core parameters, core results).
HIGRESS_ENV: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "proxy_redis_init": (("i32",) * 7, ("i32",)),
    "proxy_redis_call": (("i32",) * 5, ("i32",)),
}

#: Import that identifies the toolchain of a module -> how to build the module for Envoy.
_ADVICE = {
    "env.abort": "Compile AssemblyScript with --use abort=... from its proxy runtime.",
    "gojs": "Compile Go with GOOS=wasip1 and -buildmode=c-shared, not GOOS=js.",
    "go": "Compile Go with GOOS=wasip1 and -buildmode=c-shared, not GOOS=js.",
    "wbg": "It was built for browsers. Compile Rust for wasm32-wasip1.",
    "__wbindgen_placeholder__": "It was built for browsers. Compile Rust for wasm32-wasip1.",
    "wasi_snapshot_preview2": "Compile for WASI preview 1.",
}


@dataclass(frozen=True)
class ModuleFacts(Shown):
    """Imports, exports and sizes of a Wasm module, and the reasons why Envoy would refuse it.

    Attributes
    ----------
    kind
        "core" (a core module, which Envoy can load), "component" or "other".
    abi_version
        ABI version that the module declares with a marker export. None if it has no known marker.
    imports, exports
        Imports and exports of the module.
    sections
        Size of each section in bytes.
    size
        Size of the file in bytes.
    memory
        Initial size of the module's linear memory in bytes.
    problems
        Sentences with the reasons why Envoy would refuse the module. Empty if no problem was found.
    warnings
        Sentences about hostcalls whose results the module can't receive, or that it calls in a phase that doesn't allow them.
    """

    kind: str
    abi_version: AbiVersion | None = None
    imports: tuple[ImportType, ...] = ()
    exports: tuple[ExportType, ...] = ()
    sections: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    memory: int = 0
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def inspect_module(data: bytes) -> ModuleFacts:
    """Return facts about a Wasm module, and the reasons why Envoy would refuse it. This function never raises an exception.

    Parameters
    ----------
    data
        Bytes of the module. Other data is accepted too, and reported as a problem.
    """
    if not data.startswith(CORE_MAGIC):
        return _no_core_module(data)
    try:
        module = CoreModule.read(data)
        imports, exports = _imports(module), _exports(module)
    except Malformed as error:
        return ModuleFacts(
            "core", size=len(data), problems=(f"The file is damaged or cut short: {short(str(error))}.",)
        )
    abi = _abi_version(exports)
    memories = [*(cast("Limits", i.type) for i in module.imported("memory")), *module.memories]
    return ModuleFacts(
        "core",
        abi,
        imports,
        exports,
        _section_sizes(module),
        len(data),
        sum(m.minimum * m.page for m in memories),
        tuple(bounded(_problems(module, data, abi, imports, exports, memories))),
        tuple(bounded([*_unreported_calls(imports, exports), *phase_warnings(module)])),
    )


def _no_core_module(data: bytes) -> ModuleFacts:
    kind, problem = "other", "This is not WebAssembly: the file doesn't start with the bytes 00 61 73 6d 01 00 00 00."
    if not data:
        problem = "The file is empty."
    elif data.startswith(COMPONENT_MAGIC):
        kind = "component"
        problem = (
            "This is a WebAssembly component, but Envoy loads only core modules. Compile for wasm32-wasip1 "
            "instead of wasip2, and don't run wasm-tools component new."
        )
    elif CORE_MAGIC.startswith(data[:8]):
        problem = "The file is cut short: it ends within the first eight bytes."
    elif data[:4] == CORE_MAGIC[:4]:
        problem = (
            "The file has a WebAssembly version other than 1, which no engine loads. Compile it with another toolchain."
        )
    elif data[:2] == b"\x1f\x8b":
        problem = "This is a gzip file. Unpack it first."
    elif data.lstrip()[:1] in {b"(", b";"}:
        problem = "This looks like WebAssembly text. Convert it to a binary with wat2wasm first."
    return ModuleFacts(kind, size=len(data), problems=(problem,))


# -- reading ----------------------------------------------------------------------------------------------------------


def _imports(module: CoreModule) -> tuple[ImportType, ...]:
    return tuple(
        ImportType(i.module, i.name, i.kind, *(module.signature(cast("int", i.type)) if i.kind == "func" else ()))
        for i in module.imports
    )


def _exports(module: CoreModule) -> tuple[ExportType, ...]:
    return tuple(
        ExportType(name, kind, *(module.signature(module.function_type(index)) if kind == "func" else ()))
        for name, (kind, index) in module.exports.items()
    )


def _abi_version(exports: Iterable[ExportType]) -> AbiVersion | None:
    """Return the ABI version that the first marker export declares. The marker's signature isn't checked."""
    markers = {version.marker: version for version in AbiVersion}
    return next((markers[e.name] for e in exports if e.kind == "func" and e.name in markers), None)


def _section_sizes(module: CoreModule) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for title, start, end in module.sections:
        sizes[title] = sizes.get(title, 0) + end - start
    return sizes


# -- reasons why Envoy refuses a module -------------------------------------------------------------------------------


def _problems(
    module: CoreModule,
    data: bytes,
    abi: AbiVersion | None,
    imports: Iterable[ImportType],
    exports: tuple[ExportType, ...],
    memories: Iterable[Limits],
) -> Iterator[str]:
    if abi is None:
        yield _no_marker(exports)
    version = abi or AbiVersion.V0_2_1
    for imported in imports:
        yield from _import_problem(imported, version)
    functions = {e.name: (e.params, e.results) for e in exports if e.kind == "func"}
    yield from _export_problems(functions, version)
    for memory in memories:
        if memory.minimum * memory.page > _MOST_MEMORY:
            yield (
                f"Its initial memory is {memory.minimum * memory.page / 2**30:.3g} GiB, but Envoy allows at most 1 GiB. "
                "Link it with a smaller initial memory."
            )
    yield from start_problem(module)
    try:
        default_engine().validate(data)
    except ModuleError as error:
        yield str(error)


def _no_marker(exports: Iterable[ExportType]) -> str:
    other = next((e.name for e in exports if e.name.startswith("proxy_abi_version_")), None)
    markers = ", ".join(v.marker for v in AbiVersion)
    if other:
        return f"It declares its ABI with {short(other)}, which Envoy doesn't support. Export one of the functions {markers}."
    return (
        "It isn't a Proxy-Wasm module, because an ABI marker is missing. Build it with a Proxy-Wasm SDK, "
        f"or export an empty function with one of the names {markers}."
    )


def _unreported_calls(imports: Iterable[ImportType], exports: Iterable[ExportType]) -> Iterator[str]:
    """Yield a warning for each imported hostcall whose result the module can't receive, because a callback is missing."""
    imported = {i.name.removeprefix("proxy_") for i in imports if i.module == "env"}
    exported = {e.name.removeprefix("proxy_") for e in exports}
    for hostcall, callbacks in REPORTED_BY.items():
        if hostcall in imported and not exported.intersection(callbacks):
            names = " or ".join(f"proxy_{name}" for name in callbacks)
            yield f"It imports proxy_{hostcall}, but can't receive its results. Export {names}."


def _host_signature(imported: ImportType, abi: AbiVersion) -> Signature | None:
    if imported.module == "env":
        hostcall = hostcalls_for(abi).get(imported.name)
        return (hostcall.core_params, hostcall.core_results) if hostcall else ENVOY_ENV.get(imported.name)
    return WASI_PREVIEW_1.get(imported.name) if imported.module in WASI_MODULES else None


def _import_problem(imported: ImportType, abi: AbiVersion) -> Iterator[str]:
    place = short(f"{imported.module}.{imported.name}")
    if imported.kind in {"memory", "table"}:
        return
    if imported.kind != "func":
        yield f"It imports the {imported.kind} {place}, but Envoy provides only functions, a memory and a table."
        return
    offered = _host_signature(imported, abi)
    if offered is None:
        yield f"It imports {place}, which {_providers(imported, abi)}".rstrip()
    elif offered != (imported.params, imported.results):
        own = signature_text(imported.params, imported.results)
        yield f"It imports {place} as {own}, but Envoy provides it as {signature_text(*offered)}."


def _providers(imported: ImportType, abi: AbiVersion) -> str:
    versions = [v.text for v in AbiVersion if imported.name in hostcalls_for(v)] if imported.module == "env" else []
    if versions:
        return f"exists in ABI {' and '.join(versions)}, but not in {abi.text}, the version that it declares."
    if imported.name in HOSTCALLS:
        return f"Envoy provides in the module env, not {short(imported.module)}."
    advice = _ADVICE.get(f"{imported.module}.{imported.name}", _ADVICE.get(imported.module, ""))
    if not advice and imported.module.startswith("wasi:"):
        advice = "It is part of WASI preview 2. Compile for wasm32-wasip1."
    if imported.module == "env" and imported.name in HIGRESS_ENV:
        return "only Higress's Envoy provides. Run it there, or in a simulated proxy with a RedisServer."
    return f"Envoy doesn't provide. {advice}"


def _export_problems(functions: Mapping[str, Signature], abi: AbiVersion) -> Iterator[str]:
    if not any(name in functions for name in _ALLOCATORS):
        yield (
            "It doesn't export an allocator, which Envoy needs to pass data. "
            "Export a function malloc or proxy_on_memory_allocate, i32 -> i32."
        )
    expected: dict[str, Signature] = {c.name: (c.core_params, c.core_results) for c in callbacks_for(abi).values()}
    expected |= ENTRY_POINTS
    expected |= dict.fromkeys(_ALLOCATORS, (("i32",), ("i32",)))
    for name, signature in expected.items():
        has = functions.get(name)
        if has is None or has == signature or _is_ignored(name, functions):
            continue
        since = " in this ABI version" if name in CALLBACKS else ""
        yield f"It exports {name} as {signature_text(*has)}, but Envoy calls it as {signature_text(*signature)}{since}."


def _is_ignored(name: str, functions: Mapping[str, Signature]) -> bool:
    """Return whether Envoy ignores an export, because the module also exports a function that Envoy calls instead."""
    return {
        "main": "_initialize" not in functions,
        "__main_void": "_initialize" not in functions or "main" in functions,
        "_start": "_initialize" in functions,
        "proxy_on_memory_allocate": "malloc" in functions,
    }.get(name, False)
