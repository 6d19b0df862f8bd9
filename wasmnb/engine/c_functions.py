"""Functions of wasmtime's C API that the engine calls, with plain addresses as pointers.

In wasmtime 50, wasmtime-py's own calls convert every value through Python objects. A call into Wasm therefore takes about 20
us, and a hostcall 10 us. The same calls through the C API's *unchecked* functions, with addresses as plain integers, take about
0.6 us and 0.5 us. Unchecked means that wasmtime doesn't compare types. Callers must have checked every signature beforehand, as
`Imports` and `Instance.function` do. wasmtime-py's classes aren't used at all: an interrupt between two of their lines can free
an object twice (`c_objects.py`), and reading a module's types through the C API aborts the process if one of the types is a
vector or a typed reference (`declarations.py`).

A value has 16 bytes (`wasmtime_val_raw_t`). An i32 is in the first 4 bytes, and the other bytes are undefined.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_bool,
    c_char_p,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint64,
    c_void_p,
)

from wasmtime import _ffi

__all__ = ["EPOCH_CALLBACK", "HOST_CALLBACK", "C"]

#: `wasmtime_func_unchecked_callback_t`: (environment, caller, address of arguments and results, their number) -> trap or NULL.
HOST_CALLBACK = CFUNCTYPE(c_size_t, c_size_t, c_size_t, c_size_t, c_size_t)

#: `wasmtime_store_epoch_deadline_callback`: (context, data, &delta, &kind) -> error or NULL.
EPOCH_CALLBACK = CFUNCTYPE(c_size_t, c_size_t, c_size_t, POINTER(c_uint64), POINTER(c_uint8))

_P = c_void_p

#: Result and parameters of each function. Pointers are plain addresses, so that ctypes doesn't build pointer objects.
_PROTOTYPES = {
    "wasm_config_new": (c_size_t, ()),
    "wasm_config_delete": (None, (_P,)),
    "wasmtime_config_epoch_interruption_set": (None, (_P, c_bool)),
    "wasmtime_config_consume_fuel_set": (None, (_P, c_bool)),
    "wasmtime_config_max_wasm_stack_set": (None, (_P, c_size_t)),
    "wasmtime_config_memory_may_move_set": (None, (_P, c_bool)),
    "wasm_engine_new_with_config": (c_size_t, (_P,)),
    "wasm_engine_delete": (None, (_P,)),
    "wasmtime_engine_increment_epoch": (None, (_P,)),
    "wasmtime_module_new": (c_size_t, (_P, c_char_p, c_size_t, _P)),
    "wasmtime_module_validate": (c_size_t, (_P, c_char_p, c_size_t)),
    "wasmtime_module_deserialize_file": (c_size_t, (_P, c_char_p, _P)),
    "wasmtime_module_serialize": (c_size_t, (_P, _P)),
    "wasmtime_module_delete": (None, (_P,)),
    "wasmtime_store_new": (c_size_t, (_P, _P, _P)),
    "wasmtime_store_context": (c_size_t, (_P,)),
    "wasmtime_store_delete": (None, (_P,)),
    "wasmtime_store_limiter": (None, (_P, c_int64, c_int64, c_int64, c_int64, c_int64)),
    "wasmtime_store_epoch_deadline_callback": (None, (_P, EPOCH_CALLBACK, _P, _P)),
    "wasmtime_context_set_epoch_deadline": (None, (_P, c_uint64)),
    "wasmtime_context_set_fuel": (c_size_t, (_P, c_uint64)),
    "wasmtime_context_get_fuel": (c_size_t, (_P, _P)),
    "wasmtime_module_imports": (None, (_P, _P)),
    "wasm_importtype_vec_delete": (None, (_P,)),
    "wasm_importtype_type": (c_size_t, (_P,)),
    "wasm_externtype_as_functype_const": (c_size_t, (_P,)),
    "wasm_externtype_as_memorytype_const": (c_size_t, (_P,)),
    "wasm_externtype_as_tabletype_const": (c_size_t, (_P,)),
    "wasmtime_memory_new": (c_size_t, (_P, _P, _P)),
    "wasmtime_memory_data": (c_size_t, (_P, _P)),
    "wasmtime_memory_data_size": (c_size_t, (_P, _P)),
    "wasmtime_memory_grow": (c_size_t, (_P, _P, c_uint64, _P)),
    "wasmtime_table_new": (c_size_t, (_P, _P, _P, _P)),
    "wasmtime_func_new_unchecked": (None, (_P, _P, HOST_CALLBACK, _P, _P, _P)),
    "wasmtime_func_call_unchecked": (c_size_t, (_P, _P, _P, c_size_t, _P)),
    "wasmtime_instance_new": (c_size_t, (_P, _P, _P, c_size_t, _P, _P)),
    "wasmtime_instance_export_get": (c_bool, (_P, _P, c_char_p, c_size_t, _P)),
    "wasmtime_trap_new": (c_size_t, (c_char_p, c_size_t)),
    "wasmtime_trap_code": (c_bool, (_P, _P)),
    "wasm_trap_message": (None, (_P, _P)),
    "wasm_trap_delete": (None, (_P,)),
    "wasmtime_error_new": (c_size_t, (c_char_p,)),
    "wasmtime_error_message": (None, (_P, _P)),
    "wasmtime_error_delete": (None, (_P,)),
    "wasm_byte_vec_delete": (None, (_P,)),
    "wasmtime_wat2wasm": (c_size_t, (c_char_p, c_size_t, _P)),
}


class C:
    """wasmtime's C functions as attributes, named without the `wasmtime_` prefix. Each engine has its own object."""

    def __init__(self) -> None:
        for name, (result, parameters) in _PROTOTYPES.items():
            prototype = CFUNCTYPE(result, *parameters)
            setattr(self, name.removeprefix("wasmtime_"), prototype((name, _ffi.dll)))

    def __getattr__(
        self, name: str
    ) -> ctypes._CFunctionType:  # only for the type checker, because all functions are set above
        raise AttributeError(name)
