"""How the engine says that the guest stopped, and why."""

from __future__ import annotations

import wasmtime

__all__ = ["OutOfBounds", "Trap"]

_KINDS = {
    wasmtime.TrapCode.STACK_OVERFLOW: "stack",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "memory",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "table",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "table",
    wasmtime.TrapCode.BAD_SIGNATURE: "table",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "arithmetic",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "arithmetic",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "arithmetic",
    wasmtime.TrapCode.UNREACHABLE: "unreachable",
    wasmtime.TrapCode.INTERRUPT: "deadline",
    wasmtime.TrapCode.OUT_OF_FUEL: "fuel",
}

#: What V8 says of the same trap; Envoy prints it after "Uncaught RuntimeError:".
V8_MESSAGES = {
    "stack": "Maximum call stack size exceeded",
    "memory": "memory access out of bounds",
    "table": "table index is out of bounds",
    "arithmetic": "divide by zero",
    "unreachable": "unreachable",
}


class OutOfBounds(Exception):
    """An address range that is not inside the guest's memory."""

    def __init__(self, pointer: int, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes at {pointer:#x} are outside the memory of {limit} bytes")


class Trap(Exception):
    """The guest stopped.

    Attributes
    ----------
    message
        One line.
    kind
        `unreachable`, `memory`, `table`, `arithmetic`, `stack`, `fuel`, `deadline`, or `host`: a host function
        raised, and its exception is the `__cause__`.
    backtrace
        Wasm frames, innermost first, one a line; empty if there are none.
    raised
        What the guest itself raised, where it is Python that runs outside Wasm; else None.
    """

    raised: BaseException | None = None

    def __init__(self, message: str, kind: str = "unreachable", backtrace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.backtrace = backtrace

    @classmethod
    def from_wasmtime(cls, error: wasmtime.Trap | wasmtime.WasmtimeError) -> Trap:
        """Translate wasmtime's own exception, which carries the frames in its text."""
        text = error.message if isinstance(error, wasmtime.Trap) else str(error)
        kind = "host"
        if isinstance(error, wasmtime.Trap):
            code = error.trap_code
            kind = _KINDS.get(code, "unreachable") if code is not None else "host"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        frames = [line for line in lines if line[:1].isdigit() and ":" in line]
        reason = next((line for line in reversed(lines) if "wasm trap:" in line), lines[0] if lines else "trap")
        message = reason.split("wasm trap:")[-1].strip()
        return cls(V8_MESSAGES.get(kind, message) if kind != "arithmetic" else message, kind, "\n".join(frames))
