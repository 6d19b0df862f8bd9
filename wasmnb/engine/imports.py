"""Imports of an instance: host functions as C callbacks, and memories and tables that the host creates, as Envoy does."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof, c_ubyte
from struct import Struct
from typing import Any

from wasmtime import _ffi

from .._display import short
from ..errors import ModuleError
from .c_functions import HOST_CALLBACK
from .declarations import ImportType, signature_text
from .engine import MachineCode
from .traps import NOT_INSTANTIATED, check_call

__all__ = ["KINDS", "HostFunction", "Imports", "Resolve"]

#: Function that accepts unsigned integers and returns the result, or None for no result. An exception stops the guest.
HostFunction = Callable[..., "int | None"]

#: Function that returns the host function for an import, or None if the host doesn't provide this function.
Resolve = Callable[[ImportType], "HostFunction | None"]

#: Layout of a host function's parameters. Each value has 16 bytes, of which an i32 uses four.
_PARAMETERS = {"i32": "I12x", "i64": "Q8x"}

#: Bit masks of results.
_MASKS = {"i32": 0xFFFFFFFF, "i64": 0xFFFFFFFFFFFFFFFF}

#: Maximum number of addresses for which a host function caches views.
_PLACES = 64

#: Values of `wasmtime_extern_t.kind` for imports and exports.
KINDS = {
    "func": _ffi.WASMTIME_EXTERN_FUNC.value,
    "table": _ffi.WASMTIME_EXTERN_TABLE.value,
    "memory": _ffi.WASMTIME_EXTERN_MEMORY.value,
}

#: Values of `wasmtime_val_t.kind` for a null of each type that an imported table can contain. Zeros are a null of any type.
_ELEMENTS = {"funcref": _ffi.WASMTIME_FUNCREF.value, "externref": _ffi.WASMTIME_EXTERNREF.value}


class Imports:
    """The imports of one instance, linked from host functions.

    Parameters
    ----------
    code
        The compiled module.
    resolve
        Function that returns the host function for an imported function, or None.

    Attributes
    ----------
    memory
        wasmtime's memory object if the module imports a memory, or None.

    Raises
    ------
    ModuleError
        The module has an import that no host provides.
    """

    def __init__(self, code: MachineCode, resolve: Resolve) -> None:
        self.memory: Any = None
        self._code = code
        self._c = code.engine.c
        self._functions = [_host_function(required, resolve) for required in code.imports]
        self._callbacks: list[Any] = []  # kept alive for as long as the store can call them

    def link(self, context: int, stop: Callable[[BaseException], int]) -> Any:
        """Create the imports in a store, and return them as wasmtime's array.

        Parameters
        ----------
        context
            Address of the store's context.
        stop
            Function that accepts the exception of a host function, and returns the trap that stops the guest.

        Raises
        ------
        ModuleError
            A memory or table can't be created.
        """
        code, functions = self._code, self._functions
        elements = [t.element for t in code.declared.tables if t.element not in _ELEMENTS]
        if elements and any(required.kind == "table" for required in code.imports):
            raise ModuleError(
                f"The module imports a table, but one of its tables has elements of the unsupported type {elements[0]!r}."
            )
        externs = (_ffi.wasmtime_extern_t * len(functions))()
        tables = iter(code.declared.tables)  # imported ones are the first
        for extern, function, required, kind in zip(
            externs, functions, code.imports, code.c_imports if functions else (), strict=True
        ):
            extern.kind = KINDS[required.kind]
            if function is not None:
                callback = HOST_CALLBACK(_trampoline(function, required, stop))
                self._callbacks.append(callback)
                signature = self._c.wasm_externtype_as_functype_const(kind)
                self._c.func_new_unchecked(context, signature, callback, None, None, addressof(extern.of.func))
            elif required.kind == "memory":
                memory_type = self._c.wasm_externtype_as_memorytype_const(kind)
                check_call(
                    self._c, NOT_INSTANTIATED, self._c.memory_new, context, memory_type, addressof(extern.of.memory)
                )
                self.memory = extern.of.memory
            else:
                table_type = self._c.wasm_externtype_as_tabletype_const(kind)
                null = _ffi.wasmtime_val_t(kind=_ELEMENTS[next(tables).element])
                check_call(
                    self._c,
                    NOT_INSTANTIATED,
                    self._c.table_new,
                    context,
                    table_type,
                    addressof(null),
                    addressof(extern.of.table),
                )
        return externs

    def clear(self) -> None:
        """Drop the host functions after the store has been freed."""
        self._callbacks.clear()
        self._functions.clear()


def _host_function(required: ImportType, resolve: Resolve) -> HostFunction | None:
    """Return the host function for an import, or None for a memory or table.

    Raises `ModuleError` if the host can't provide the import.
    """
    place = short(f"{required.module}.{required.name}")
    if required.kind in {"memory", "table"}:
        return None
    if required.kind != "func":
        raise ModuleError(
            f"The module imports the {required.kind} {place}, but hosts provide only functions, memories and tables."
        )
    function = resolve(required)
    if function is None:
        raise ModuleError(f"The module imports the function {place}, which the host doesn't provide.")
    if not {*required.params, *required.results} <= {"i32", "i64"} or len(required.results) > 1:
        text = signature_text(required.params, required.results)
        raise ModuleError(f"The module imports the function {place} with a signature that isn't supported: {text}.")
    return function


def _trampoline(
    function: HostFunction, required: ImportType, stop: Callable[[BaseException], int]
) -> Callable[..., int]:
    """Wrap a host function for C. Exceptions are caught here, because ctypes would print and ignore them."""
    unpack = Struct("<" + "".join(_PARAMETERS[kind] for kind in required.params)).unpack_from
    has_result = bool(required.results)
    mask = _MASKS[required.results[0]] if has_result else 0
    size = 16 * max(len(required.params), 1)
    views: dict[int, tuple[memoryview, memoryview]] = {}  # wasmtime mostly uses the same address on its stack

    def look_at(address: int) -> tuple[memoryview, memoryview]:
        if len(views) >= _PLACES:
            views.clear()
        memory = memoryview((c_ubyte * size).from_address(address)).cast("B")
        views[address] = both = memory, memory.cast("I") if mask < 1 << 32 else memory.cast("Q")
        return both

    def call(_env: int, _caller: int, address: int, _count: int) -> int:
        try:
            values, results = views.get(address) or look_at(address)
            result = function(*unpack(values))
            if has_result:
                results[0] = result & mask  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 -- also KeyboardInterrupt, which the outermost call raises
            return stop(error)
        return 0

    return call
