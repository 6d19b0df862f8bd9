"""The late start: a program is started when the proxy creates the first context, not when it creates the VM.

proxy-wasm-cpp-host refuses a module if its `proxy_on_vm_start` traps, but not if its `proxy_on_context_create` does. So the
module always exports `proxy_on_vm_start`, which traps again after a failed start. The proxy then refuses the module.
"""

from __future__ import annotations

from collections.abc import Iterable

from ....parsing import leb128 as leb
from .split_module import SplitModule

__all__ = ["late_exports"]

_INITIALIZE, _ALLOCATE, _INTROSPECTION = "_initialize", "proxy_on_memory_allocate", "wasmnb_control"
_VM_START, _CONTEXT_CREATE = "proxy_on_vm_start", "proxy_on_context_create"

#: States of the program, in addition to 0 for a program that hasn't started.
_STARTING, _STARTED = 1, 2

#: Exports that start the program if they are called first. During the start, the proxy can only allocate memory.
_FIRST = (_CONTEXT_CREATE, _VM_START, _INTROSPECTION, _ALLOCATE)

Exports = dict[str, tuple[str, int]]


def late_exports(split: SplitModule, pages: int, kept: Iterable[str], request: tuple[int, int] | None) -> Exports:
    """Add functions to a module that start the program when the first context is created.

    Parameters
    ----------
    split
        Split module to which the functions are added.
    pages
        Number of pages of memory before the interpreter's memory.
    kept
        Names of the functions to export.
    request
        Address and size of the request that resumes a program with a loaded filter. If None, the start loads the filter.

    Returns
    -------
    Exports
        All exports of the module.
    """
    names = set(kept)
    exports = {name: (kind, i) for name, (kind, i) in split.exports.items() if kind != "func" or name in names}
    writer = split.writer
    nothing = writer.type_number(b"\x60\0\0")
    state = b"\x41" + leb.signed((pages << 16) + split.layout.state)
    program = (
        _send_request(split, request) if request else b"\0\x10" + leb.unsigned(split.exports[_INITIALIZE][1]) + b"\x0b"
    )
    start = leb.unsigned(writer.add_function(nothing, program))
    unpack = leb.unsigned(split.added["unpack-image"])
    starting, started = (state + bytes((0x41, value, 0x36, 2, 0)) for value in (_STARTING, _STARTED))
    body = b"\0" + starting + b"\x10" + unpack + b"\x10" + start + started + b"\x0b"
    whole_start = leb.unsigned(writer.add_function(nothing, body))
    for name in _FIRST:
        if name in exports or name == _VM_START:
            exports[name] = "func", _guarded(split, exports, name, _guard(state, whole_start, strict=name != _ALLOCATE))
    exports[_INITIALIZE] = "func", writer.add_function(nothing, b"\0\x0b")
    return exports


def _guard(state: bytes, start: bytes, *, strict: bool) -> bytes:
    """Return instructions that start the program if it hasn't been started. If `strict` is True, they trap after a failed
    start.
    """
    read = state + b"\x28\x02\0"
    begin = read + b"\x45\x04\x40\x10" + start + b"\x0b"
    return begin + read + bytes((0x41, _STARTING, 0x46, 0x04, 0x40, 0, 0x0B)) if strict else begin


def _guarded(split: SplitModule, exports: Exports, name: str, first: bytes) -> int:
    """Add a function that executes the instructions `first` and then calls the exported function.

    If the module doesn't export `proxy_on_vm_start`, the added function returns true.
    """
    writer = split.writer
    if name not in exports:
        return writer.add_function(writer.type_number(b"\x60\x02\x7f\x7f\x01\x7f"), b"\0" + first + b"\x41\x01\x0b")
    number = exports[name][1]
    kind = writer.functions[number - writer.imported][0]
    params = leb.Reader(writer.types[kind], 1).u32()
    arguments = b"".join(b"\x20" + leb.unsigned(i) for i in range(params))
    return writer.add_function(kind, b"\0" + first + arguments + b"\x10" + leb.unsigned(number) + b"\x0b")


def _send_request(split: SplitModule, request: tuple[int, int]) -> bytes:
    """Return the body of a function that sends a request to the program. The function traps if the request fails."""
    allocate, introspect = (leb.unsigned(split.exports[name][1]) for name in (_ALLOCATE, _INTROSPECTION))
    at, size = map(leb.signed, request)
    return b"".join(
        (
            b"\x01\x01\x7f",  # one local: the address of the request
            b"\x41" + size + b"\x10" + allocate + b"\x22\0",
            b"\x41" + at + b"\x41" + size + b"\xfc\x0a\0\0",  # memory.copy
            b"\x20\0\x41" + size + b"\x10" + introspect,
            b"\x45\x04\x40\0\x0b\x0b",  # if it is zero, unreachable
        )
    )
