"""Changes to functions that keep V8 from inlining other functions into them.

Envoy disables V8's baseline compiler, so the optimising compiler doesn't know how often a call is executed. It inlines each
directly called function that is smaller than the rest of a budget, which is two to five times the size of the caller, but at
least 50 bytes. In a module that mostly calls stubs and other rare code, this doubles the compile time and the size of the code,
and makes nothing faster (verified with V8 14.6).

So each function begins with calls that are never executed. They call *fillers*, which are functions of certain sizes without an
effect. V8 inlines the fillers first, which uses up the budget. Other engines remove the calls as dead code.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....parsing import leb128 as leb
from ....parsing.leb128 import Reader
from ...wasm_binary.relocations import body_parts

__all__ = ["FILLERS", "filler", "has_fillers", "without_inlining"]

#: Sizes of the fillers in bytes. The fillers follow the imported functions, with the largest first.
FILLERS = (2048, 1024, 512, 256, 128, 64, 32)

#: Maximum budget as a multiple of a function's size, and minimum budget in bytes.
_GROWTH, _LEAST = 5, 50

#: Maximum number of functions that V8 inlines into one function.
_MOST = 60

#: `if` with a condition that is never true.
_NEVER = b"\x41\0\x04\x40"

#: Opcodes of direct calls.
_CALLS = frozenset({0x10, 0x12})

#: A declaration of no locals in six bytes, which V8 decodes faster than six instructions.
_NOTHING = b"\x80\x80\x80\x80\x00\x7f"


def filler(size: int) -> bytes:
    """Return the body of a function without effect that is `size` bytes long."""
    count = (size - 3) // len(_NOTHING)
    head = leb.unsigned(count) + count * _NOTHING
    return head + b"\x01" * (size - 1 - len(head)) + b"\x0b"


def has_fillers(sizes: Sequence[int]) -> bool:
    """Return whether a module contains the fillers. `sizes` contains the sizes of the module's functions in bytes."""
    return tuple(sizes[: len(FILLERS)]) == FILLERS


def without_inlining(body: bytes, imported: int, sizes: Sequence[int]) -> bytes:
    """Return a function's body with calls that use up the budget, or unchanged if it has no calls that V8 could inline.

    Parameters
    ----------
    body
        Bytes of the function's body.
    imported
        Number of imported functions. They are followed by the functions of `FILLERS`.
    sizes
        Size in bytes of each function that the module defines.
    """
    if not any(bytes((opcode,)) in body for opcode in _CALLS):
        return body
    head, parts = body_parts(body, 0, len(body))
    called = {Reader(last, 1).u32() - imported for _, last in parts if last and last[0] in _CALLS}
    least = min((sizes[function] for function in called if function >= 0), default=None)
    if least is None:
        return body
    calls = b""
    while True:
        size = len(body) + len(_NEVER) + len(calls) + 1
        fillers = _fillers(max(_GROWTH * size, _LEAST), least)
        longer = b"".join(b"\x10" + leb.unsigned(imported + n) for n in fillers)
        if len(longer) <= len(calls):
            break
        calls = longer
    return head + _NEVER + calls + b"\x0b" + body[len(head) :] if calls else body


def _fillers(budget: int, least: int) -> list[int]:
    """Return the filler functions to call, so that at most `least` bytes are left of a budget that isn't
    larger than `budget`.
    """
    repeated = min(budget // FILLERS[0], _MOST)
    sizes = [n for n, size in enumerate(FILLERS) if n and size < budget and 2 * size > least]
    return [0] * repeated + sizes
