"""The few functions of wasmtime's C interface that are called directly, with plain addresses.

Facts, measured on wasmtime 50: wasmtime-py's own calls convert every value through Python objects and cost about 20 us
into Wasm and 10 us for a hostcall. The same calls through the C interface's *unchecked* functions, with addresses as
plain integers, cost about 0.6 us and 0.5 us. Unchecked means that wasmtime does not compare types: callers must have
checked every signature beforehand, as `Instance` does when it links.

A value is 16 bytes (`wasmtime_val_raw_t`). An i32 fills the first 4 of them and leaves garbage in the others.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p

from wasmtime import _ffi

__all__ = ["EPOCH_CALLBACK", "HOST_CALLBACK", "C"]

#: `wasmtime_func_unchecked_callback_t`: (environment, caller, arguments and results, how many) -> trap or NULL.
HOST_CALLBACK = CFUNCTYPE(c_size_t, c_size_t, c_size_t, POINTER(c_uint32), c_size_t)

#: `wasmtime_store_epoch_deadline_callback`: (context, data, &delta, &kind) -> error or NULL.
EPOCH_CALLBACK = CFUNCTYPE(c_size_t, c_size_t, c_size_t, POINTER(c_uint64), POINTER(c_uint8))

#: name -> (result, parameters). Pointers are plain addresses: ctypes then builds no pointer objects.
_PROTOTYPES = {
    "wasmtime_func_new_unchecked": (None, (c_void_p, c_void_p, HOST_CALLBACK, c_void_p, c_void_p, c_void_p)),
    "wasmtime_func_call_unchecked": (c_size_t, (c_void_p, c_void_p, c_void_p, c_size_t, c_void_p)),
    "wasmtime_store_epoch_deadline_callback": (None, (c_void_p, EPOCH_CALLBACK, c_void_p, c_void_p)),
    "wasmtime_memory_data": (c_size_t, (c_void_p, c_void_p)),
    "wasmtime_memory_data_size": (c_size_t, (c_void_p, c_void_p)),
    "wasmtime_trap_new": (c_size_t, (c_char_p, c_size_t)),
    "wasmtime_error_new": (c_size_t, (c_char_p,)),
    "wasmtime_engine_increment_epoch": (None, (c_void_p,)),
    "wasmtime_store_limiter": (None, (c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64)),
}


class C:
    """The functions of `_PROTOTYPES` as attributes, without the `wasmtime_` prefix. One per engine."""

    def __init__(self) -> None:
        for name, (result, parameters) in _PROTOTYPES.items():
            prototype = CFUNCTYPE(result, *parameters)
            setattr(self, name.removeprefix("wasmtime_"), prototype((name, _ffi.dll)))

    def __getattr__(self, name: str) -> ctypes._CFunctionType:  # only for the type checker: all are set above
        raise AttributeError(name)
