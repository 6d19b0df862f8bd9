"""Exceptions for a guest that has stopped, with the reason and the stack frames."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import addressof, c_uint8
from typing import Any

from wasmtime import _ffi

from ..errors import ModuleError
from .c_functions import C
from .c_objects import CObject

__all__ = ["NOT_INSTANTIATED", "OutOfBounds", "Trap", "check_call", "message_of", "one_line"]

#: Start of error messages about a module that can't be instantiated.
NOT_INSTANTIATED = "The module can't be instantiated"

#: Maximum size in bytes of an engine's message, which may quote names of any length from the module.
_LONGEST = 2048

#: Kinds of traps by `wasmtime_trap_code_t`.
_KINDS = {
    0: "stack",
    1: "memory",
    3: "table",
    4: "table",
    5: "table",
    6: "arithmetic",
    7: "arithmetic",
    8: "arithmetic",
    9: "unreachable",
    10: "deadline",
    11: "fuel",
}

#: V8's messages for the same traps, which Envoy writes after "Uncaught RuntimeError:".
V8_MESSAGES = {
    "stack": "Maximum call stack size exceeded",
    "memory": "memory access out of bounds",
    "table": "table index is out of bounds",
    "arithmetic": "divide by zero",
    "unreachable": "unreachable",
}


class OutOfBounds(Exception):
    """Error for an address range that isn't inside the guest's memory.

    Parameters
    ----------
    pointer, size
        First address of the range, and its size in bytes.
    limit
        Size of the memory in bytes.
    """

    def __init__(self, pointer: int, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes at {pointer:#x} are outside the memory of {limit} bytes")


class Trap(Exception):
    """Error raised when the guest has stopped with a trap.

    Attributes
    ----------
    message
        Reason of the trap in one line.
    kind
        `unreachable`, `memory`, `table`, `arithmetic`, `stack`, `fuel`, `deadline`, or `host` (a host function raised an
        exception, which is the `__cause__`).
    backtrace
        Wasm frames, one per line, innermost first. Empty if there are none.
    raised
        Exception raised by a native filter, or None for other guests.
    """

    raised: BaseException | None = None

    def __init__(self, message: str, kind: str = "unreachable", backtrace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.backtrace = backtrace

    @classmethod
    def of_error(cls, c: C, error: int) -> Trap:
        """Return the exception for a wasmtime error.

        Parameters
        ----------
        c
            The functions of wasmtime's C API.
        error
            Address of the error, which the caller frees.
        """
        return cls._parse(message_of(c, error), "host")

    @classmethod
    def of_trap(cls, c: C, trap: int) -> Trap:
        """Return the exception for a wasmtime trap.

        Parameters
        ----------
        c
            The functions of wasmtime's C API.
        trap
            Address of the trap, which the caller frees.
        """
        code = c_uint8()
        has_code = c.trap_code(trap, addressof(code))
        return cls._parse(
            _text_of(c, trap, of_trap=True), _KINDS.get(code.value, "unreachable") if has_code else "host"
        )

    @classmethod
    def _parse(cls, text: str, kind: str) -> Trap:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        frames = [line for line in lines if line[:1].isdigit() and ":" in line]
        reason = next((line for line in reversed(lines) if "wasm trap:" in line), lines[0] if lines else "trap")
        message = reason.split("wasm trap:")[-1].strip()
        return cls(V8_MESSAGES.get(kind, message) if kind != "arithmetic" else message, kind, "\n".join(frames))


def message_of(c: C, error: int) -> str:
    """Return the message of the wasmtime error at address `error`."""
    return _text_of(c, error, of_trap=False)


def one_line(text: str) -> str:
    """Join the lines of an error's text to one line, without the line `Caused by:`."""
    parts = [line.strip() for line in text.splitlines() if line.strip() and line.strip() != "Caused by:"]
    return "; ".join(parts)


def _text_of(c: C, address: int, *, of_trap: bool) -> str:
    vector = _ffi.wasm_byte_vec_t()
    owner = CObject.written(c.wasm_byte_vec_delete, ctypes.pointer(vector))
    (c.wasm_trap_message if of_trap else c.error_message)(address, addressof(vector))
    size = min(vector.size, 16 * _LONGEST if of_trap else _LONGEST)
    text = ctypes.string_at(vector.data, size).rstrip(b"\0").decode("utf-8", "replace")
    owner.close()
    return text


def check_call(c: C, complaint: str, function: Callable[..., int], *args: Any) -> None:
    """Call a C function that returns an error or NULL. Raises `ModuleError` if it returns an error."""
    error = CObject.returned(c.error_delete, function, *args)
    if error.address:
        text = one_line(message_of(c, error.address))
        error.close()
        raise ModuleError(f"{complaint}: {text}")
