"""The stack guard, which makes Python raise RecursionError before the engine's stack overflows.

WebAssembly code has two stacks. One is in linear memory, and CPython's recursion checks measure it. Its size is 1 MiB, and a
level of nested JSON uses 50 bytes. The other is the engine's own stack. In V8 as configured by Envoy, its size is also about 1
MiB, but a level uses about 400 bytes. If the engine's stack overflows, the VM is lost. So a client that sends `[` three
thousand times could stop every filter that reads JSON.

CPython's recursive functions are those that check the stack. Each of them is changed to use a larger frame in linear memory,
which is at least as large as its frame on the engine's stack. Deep recursion then raises RecursionError, as in any Python.

Compilers emit frames in two forms: the function subtracts N from the stack pointer and adds it before it returns, or it reads
the pointer and writes it back unchanged. Functions without a frame in linear memory, such as those that walk the syntax tree,
are surrounded by a smaller frame. A function whose code isn't recognised completely isn't changed.
"""

from __future__ import annotations

import re

from ...parsing import leb128 as leb
from ...parsing.leb128 import Malformed, Reader
from .component_graph import Graph, GraphNode
from .relocations import body_parts, end_of_locals, instructions

__all__ = ["LEVEL", "StackGuard"]

#: Number of bytes by which the linear frame of a guarded function is enlarged.
LEVEL = 768

#: Number of bytes for a function without a linear frame, which also uses less of the engine's stack.
SMALL_LEVEL = 384

#: A small function of CPython that checks the stack. Its code contains the offset of the limit in the thread state.
_MODEL = "_Py_ReachedRecursionLimitWithMargin"

#: Maximum body size in bytes of a function that checks the stack for its caller.
_HELPER = 120

#: Instructions: block, loop, if; end; return; tail calls; and the type of a block without a result.
_BLOCKS, _END, _RETURN, _TAIL_CALLS, _NO_RESULT = (
    frozenset({0x02, 0x03, 0x04}),
    0x0B,
    0x0F,
    frozenset({0x12, 0x13}),
    0x40,
)

_LEB = rb"[\x80-\xff]*+[\x00-\x7f]"


class StackGuard:
    """Rewriter that enlarges the frames of functions that check for recursion.

    Parameters
    ----------
    graph
        Graph of the component.

    Raises
    ------
    Malformed
        The code of CPython in the component differs from the expected code.
    """

    def __init__(self, graph: Graph) -> None:
        node = next((n for n in graph.all_nodes() if _MODEL in n.module.exports), None)
        if node is None:
            raise Malformed(f"no module of the component exports {_MODEL}")
        self.node = node
        limit = self._limit()
        calls = b"|".join(_index(i) for i in self._helpers(limit))
        self._pointer = [i.name for i in node.imports["global"]].index("__stack_pointer")
        pointer = _index(self._pointer)
        self._check = re.compile(limit + rb"|\x10(?:" + calls + rb")", re.DOTALL)
        self._sets = re.compile(pointer, re.DOTALL)
        # global.get, i32.const N, i32.sub
        self._subtract = re.compile(rb"(\x23" + pointer + rb"\x41)(" + _LEB + rb")(\x6b)", re.DOTALL)
        self._add = rb"(\x41)%b(\x6a\x24" + pointer + rb")"
        # global.get, local.set or local.tee
        self._read = re.compile(rb"(\x23" + pointer + rb")([\x21\x22])(" + _LEB + rb")", re.DOTALL)
        self._write = re.compile(rb"(\x20" + _LEB + rb")(\x24" + pointer + rb")", re.DOTALL)

    def _limit(self) -> bytes:
        """Return a pattern for code that loads the limit from its offset in the thread state."""
        index = self.node.module.exports[_MODEL][1] - len(self.node.imports["func"])
        start, end = self.node.module.code[index]
        loading = re.search(rb"\x41" + _LEB + rb"\x6a\x28\x02\x00", self.node.module.data[start:end], re.DOTALL)
        if loading is None:
            raise Malformed(f"{_MODEL} doesn't have the expected code")
        return re.escape(loading[0])

    def _helpers(self, limit: bytes) -> list[int]:
        """Return the functions that check the stack for their callers. The parser isn't included, because it counts levels
        itself.
        """
        module, imported = self.node.module, len(self.node.imports["func"])
        loads = re.compile(limit, re.DOTALL)
        short = (
            imported + i for i, (s, e) in enumerate(module.code) if e - s < _HELPER and loads.search(module.data, s, e)
        )
        return [module.exports["Py_EnterRecursiveCall"][1], *(i for i in short if i != module.exports[_MODEL][1])]

    def __call__(self, node: GraphNode, start: int, end: int) -> bytes | None:
        """Return the function body `data[start:end]` with a larger frame, or None if it isn't changed."""
        data = node.module.data
        if node is not self.node or end - start < _HELPER or not self._check.search(data, start, end):
            return None
        at = end_of_locals(data, start, end)
        _, parts = body_parts(data, start, end)
        uses = [i for _, i in parts if i[:1] in {b"\x23", b"\x24"} and self._sets.fullmatch(i, 1)]
        sets = sum(1 for i in uses if i[:1] == b"\x24")
        code = self._enlarge_subtracted(data[at:end], sets) or self._enlarge_read(data[at:end], sets)
        if not uses:
            code = self._surround(start, end)
        if code is None:
            return None
        return data[start:at] + code

    def _enlarge_subtracted(self, code: bytes, sets: int) -> bytes | None:
        """Return the code of a function with a larger frame if it subtracts N from the stack pointer, otherwise None."""
        frame = self._subtract.match(code)
        if frame is None:
            return None
        larger = leb.signed(leb.Reader(frame[2]).signed() + LEVEL)
        pattern = re.compile(self._add % re.escape(frame[2]), re.DOTALL)
        rest, count = pattern.subn(lambda match: match[1] + larger + match[2], code[frame.end() :])
        return frame[1] + larger + frame[3] + rest if 0 < count == sets - 1 else None

    def _enlarge_read(self, code: bytes, sets: int) -> bytes | None:
        """Return the code of a function with a larger frame if it reads the stack pointer and writes it
        back, otherwise None.
        """
        read = self._read.match(code)
        if read is None:
            return None
        size = leb.signed(LEVEL)
        keep = b"\x20" + read[3] if read[2] == b"\x22" else b""
        head = read[1] + b"\x41" + size + b"\x6b\x22" + read[3] + b"\x24" + read[1][1:] + keep
        rest, count = self._write.subn(lambda match: match[1] + b"\x41" + size + b"\x6a" + match[2], code[read.end() :])
        # The function ends at its last instruction and at every return. Counting bytes that look like returns is safe.
        return head + rest if count == sets == code.count(b"\x0f") + 1 else None

    def _surround(self, start: int, end: int) -> bytes | None:
        """Return the code of a function with a frame around it, and with a single exit that removes the frame. None if this
        isn't possible.
        """
        module = self.node.module
        kind = Reader(module.types[module.functions[module.code.index((start, end))]], 1)
        _, results = kind.vector(kind.byte), kind.vector(kind.byte)
        depth, body = 0, []
        for instruction in instructions(module.data, start, end):
            code = instruction[0]
            if code in _TAIL_CALLS:
                return None
            depth += (code in _BLOCKS) - (code == _END)
            body.append(b"\x0c" + leb.unsigned(depth) if code == _RETURN else instruction)
        if depth != -1 or len(results) > 1:
            return None
        pointer, size = leb.unsigned(self._pointer), leb.signed(SMALL_LEVEL)
        move = b"\x23" + pointer + b"\x41" + size + b"%b\x24" + pointer  # global.get, i32.const, %b, global.set
        block = b"\x02" + bytes(results or [_NO_RESULT]) + b"".join(body)  # the end of the block is part of the body
        return move % b"\x6b" + block + move % b"\x6a" + bytes([_END])


def _index(value: int) -> bytes:
    """Return a pattern for an index in its shortest encoding, or padded to five bytes as linkers write it."""
    padded = bytes((value >> 7 * i & 0x7F | 0x80) for i in range(4)) + bytes((value >> 28,))
    return rb"(?:" + re.escape(leb.unsigned(value)) + rb"|" + re.escape(padded) + rb")"
