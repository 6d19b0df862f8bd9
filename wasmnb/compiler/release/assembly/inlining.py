"""Functions that V8 doesn't inline into others.

Facts (V8 14.6): Envoy turns the baseline compiler off. The optimising compiler then doesn't know how often a call is executed. It
inlines each direct call of a function that is smaller than the rest of a budget: two to five times the size of the caller, at least
50 bytes. In a module whose calls mostly lead to stubs and other rare code, this doubles the time of compiling and the size of the
code, and nothing gets faster.

Each function therefore begins with calls that are never executed. They lead to functions that have no effect, but a size: V8 inlines
these first, and the budget is used up. Other engines remove the dead code.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....formats import leb128 as leb
from ....formats.leb128 import Reader
from ...wasm.relocations import body_parts

__all__ = ["FILLERS", "filler", "has_fillers", "without_inlining"]

#: Sizes of the functions without effect. They have these numbers behind the imported functions, the largest first.
FILLERS = (2048, 1024, 512, 256, 128, 64, 32)

#: The budget is at most this multiple of a function's size, and at least this number of bytes.
_GROWTH, _LEAST = 5, 50

#: Functions that V8 inlines into one function at most.
_MOST = 60

#: `if` with a condition that is never true.
_NEVER = b"\x41\0\x04\x40"

#: Direct calls.
_CALLS = frozenset({0x10, 0x12})

#: A declaration of no locals in six bytes, which is decoded faster than six instructions.
_NOTHING = b"\x80\x80\x80\x80\x00\x7f"


def filler(size: int) -> bytes:
    """Return the body of a function of this size without effect."""
    count = (size - 3) // len(_NOTHING)
    head = leb.unsigned(count) + count * _NOTHING
    return head + b"\x01" * (size - 1 - len(head)) + b"\x0b"


def has_fillers(sizes: Sequence[int]) -> bool:
    """Return whether a module with functions of these sizes is one in which V8 inlines little."""
    return tuple(sizes[: len(FILLERS)]) == FILLERS


def without_inlining(body: bytes, imported: int, sizes: Sequence[int]) -> bytes:
    """Return a function's body with the calls that use up the budget, if it has calls that V8 could inline.

    Parameters
    ----------
    body
        The body.
    imported
        Number of imported functions. The functions of `FILLERS` follow.
    sizes
        Bytes of each of the module's own functions.
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
    """Return the functions to call so that at most `least` is left of a budget, or of a smaller one."""
    repeated = min(budget // FILLERS[0], _MOST)
    sizes = [n for n, size in enumerate(FILLERS) if n and size < budget and 2 * size > least]
    return [0] * repeated + sizes
