"""Checks whether Envoy would load a module, and Envoy's log lines if it wouldn't.

In Envoy 1.40, the first exported function with the name of an ABI marker determines the version. Every import must exist in
this version with exactly the same signature. The host creates imported memories and tables, but never globals. A missing
allocator is an error, and so is a callback that is exported with a wrong signature. The checks are made in this order, and
Envoy reports the first failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ..._display import short
from ...abi import ENTRY_POINTS, AbiVersion, callbacks_for, hostcalls_for
from ...abi.wasi import WASI_MODULES, WASI_PREVIEW_1
from ...compiler.wasm_binary.inspection import ENVOY_ENV, HIGRESS_ENV
from ...engine import ExportType, ImportType, Runnable
from ...engine.declarations import signature_text
from ...errors import ModuleError
from ...parsing.leb128 import Malformed, Reader
from ...parsing.wasm_types import Signature, Signatures

__all__ = ["ALLOCATORS", "NOT_INITIALIZED", "LoadableModule", "load", "parse_failure_log"]

_NOT_LOADED = "Wasm VM failed Failed to load Wasm code"
NOT_INITIALIZED = "Wasm VM failed Failed to initialize Wasm code"

#: Exports for allocating memory, in Envoy's order of preference.
ALLOCATORS = ("malloc", "proxy_on_memory_allocate")


@dataclass(frozen=True)
class LoadableModule:
    """A module that Envoy would load.

    Attributes
    ----------
    abi
        ABI version that the module declares.
    exports
        Exported functions by name.
    file_names
        Original names of source files and cells by their names in the module, for tracebacks in the log.
    """

    image: Runnable
    abi: AbiVersion
    exports: dict[str, ExportType]
    file_names: Mapping[str, str] = field(default_factory=dict)


def load(image: Runnable, name: str, *, redis: bool = False) -> LoadableModule:
    """Check that Envoy would load a module.

    Parameters
    ----------
    image, name
        The module, and the filter's name.
    redis
        Whether the proxy has a `RedisServer` and therefore offers Higress's hostcalls for Redis (default False).

    Raises
    ------
    ModuleError
        Envoy would refuse to load the module. The error contains Envoy's log lines and an explanation.
    """
    functions = {e.name: e for e in image.exports if e.kind == "func"}
    abi = _abi(image.exports, name)
    for required in image.imports:
        _check_import(required, abi, name, HIGRESS_ENV if redis else {})
    _check_exports(functions, abi, name)
    return LoadableModule(image, abi, functions)


def _refuse(name: str, line: str, meaning: str, *, early: bool = False) -> ModuleError:
    """Create the error with Envoy's log lines. `early` is True for errors that Envoy detects before linking."""
    error = ModuleError(f"Envoy doesn't load {name}: {meaning}")
    error.add_envoy_log(line, _NOT_LOADED if early else NOT_INITIALIZED)
    return error


def parse_failure_log(wasm: bytes) -> list[str]:
    """Return Envoy's log lines for bytes that aren't a Wasm module. The lines depend on how many of the bytes are valid."""
    if not wasm:
        return []
    reason = "Failed to parse corrupted Wasm module"
    if wasm.startswith(b"\0asm"):
        reader = Reader(wasm, 8)
        with suppress(Malformed):
            while reader.more:
                reader.byte()
                reader.skip(reader.u32())
            reason = "Missing or unknown Proxy-Wasm ABI version"
    return [f"Wasm VM failed {reason}", _NOT_LOADED]


def _abi(exports: Iterable[ExportType], name: str) -> AbiVersion:
    markers = {version.marker: version for version in AbiVersion}
    functions = [e.name for e in exports if e.kind == "func"]
    for export in functions:
        if export in markers:
            return markers[export]
    other = next((e for e in functions if e.startswith("proxy_abi_version_")), None)
    known = ", ".join(markers)
    problem = (
        f"it declares its ABI with {short(other)}, which Envoy doesn't support"
        if other
        else "it doesn't declare a Proxy-Wasm ABI"
    )
    raise _refuse(
        name, "Wasm VM failed Missing or unknown Proxy-Wasm ABI version",
        f"{problem}. Export one of the functions {known}.", early=True,
    )  # fmt: skip


def _host_signature(required: ImportType, abi: AbiVersion, extra: Signatures) -> Signature | None:
    if required.module == "env":
        hostcall = hostcalls_for(abi).get(required.name)
        if hostcall is not None:
            return hostcall.core_params, hostcall.core_results
        return ENVOY_ENV.get(required.name) or extra.get(required.name)
    return WASI_PREVIEW_1.get(required.name) if required.module in WASI_MODULES else None


def _check_import(required: ImportType, abi: AbiVersion, name: str, extra: Signatures) -> None:
    full_name = short(f"{required.module}.{required.name}")
    missing = f"Failed to load Wasm module due to a missing import: {full_name}"
    if required.kind in ("memory", "table"):
        return
    if required.kind != "func":
        raise _refuse(
            name,
            missing,
            f"it imports the {required.kind} {full_name}, but Envoy provides only functions. Remove this import.",
        )
    signature = _host_signature(required, abi, extra)
    if signature is None:
        raise _refuse(name, missing, f"it imports {full_name}, which {_availability(required.name, abi)}.")
    if signature != (required.params, required.results):
        line = (
            f"Failed to load Wasm module due to an import type mismatch: {full_name}, "
            f"want: {signature_text(required.params, required.results)}, but host exports: {signature_text(*signature)}"
        )
        raise _refuse(
            name,
            line,
            f"it imports {full_name} with the wrong signature for ABI {abi.text}. Rebuild it with an SDK for this ABI.",
        )


def _availability(name: str, abi: AbiVersion) -> str:
    others = [v.text for v in AbiVersion if name in hostcalls_for(v)]
    if others:
        return f"exists in ABI {' and '.join(others)}, but not in ABI {abi.text}, which the module declares"
    if name in HIGRESS_ENV:
        return "only Higress's Envoy provides. Give the proxy a cluster with a RedisServer to simulate it"
    return "Envoy 1.40 doesn't provide. Remove the import, or build the module with an SDK for Envoy"


def _check_exports(functions: dict[str, ExportType], abi: AbiVersion, name: str) -> None:
    signatures = {c: (d.core_params, d.core_results) for c, d in callbacks_for(abi).items()} | ENTRY_POINTS
    signatures |= dict.fromkeys(ALLOCATORS, (("i32",), ("i32",)))
    for export, signature in signatures.items():
        function = functions.get(export)
        if function is None or not _is_looked_up(export, functions):
            continue
        if (function.params, function.results) != signature:
            line = (
                f"Bad function signature for: {export}, want: {signature_text(*signature)}, "
                f"but the module exports: {signature_text(function.params, function.results)}"
            )
            raise _refuse(
                name,
                line,
                f"its export {export} has the wrong signature for ABI {abi.text}. Rebuild it with an SDK for this ABI.",
            )
    if not any(allocator in functions for allocator in ALLOCATORS):
        raise _refuse(
            name,
            "Wasm VM failed Wasm module is missing malloc function.",
            f"it doesn't export an allocator. Export {' or '.join(ALLOCATORS)}.",
        )


def _is_looked_up(export: str, functions: dict[str, ExportType]) -> bool:
    """Return whether Envoy calls an export with this name. Some exports are ignored if others exist."""
    if export in ("main", "__main_void"):
        return "_initialize" in functions and not (export == "__main_void" and "main" in functions)
    if export == "_start":
        return "_initialize" not in functions
    return not (export == ALLOCATORS[1] and ALLOCATORS[0] in functions)
