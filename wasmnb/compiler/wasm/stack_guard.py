"""Makes Python notice in time that the stack runs out.

Facts: WebAssembly code has two stacks. One lies in linear memory and is what CPython's recursion checks look at (1 MiB, of
which a level of JSON takes 50 bytes). The other is the engine's own, also about 1 MiB in V8 as Envoy sets it up, where
the same level takes some 400 bytes; when it is full the VM is dead for good. So a client that sends `[` three thousand
times could stop every filter that reads JSON.

The functions that make the check are the ones that recur. Here each of them gets a larger frame in linear memory, as
large as what the engine's stack needs for a level. A deep recursion is then a RecursionError, as it is elsewhere.

A compiler writes every frame alike: the function begins by taking N from the stack pointer and puts it back before it
returns, or begins by reading the pointer and writes it back unchanged. A function that needs no linear stack of its own
(those that walk the syntax tree) gets a smaller frame around all of it. A function in which not every place is found is left
as it is.
"""

from __future__ import annotations

import re

from ...formats import leb128 as leb
from ...formats.leb128 import Malformed, Reader
from .component_graph import Graph, Node
from .relocations import body_parts, end_of_locals, instructions

__all__ = ["LEVEL", "StackGuard"]

#: Bytes of linear stack that a guarded function takes in addition.
LEVEL = 768

#: Bytes for one that had none: its level is smaller on the engine's stack, too.
SMALL_LEVEL = 384

#: A small function of CPython's that makes the check; it shows where the limit stands in the thread's state.
_MODEL = "_Py_ReachedRecursionLimitWithMargin"

#: Bodies of functions that only make the check for others are no longer than this, in bytes.
_HELPER = 120

#: Instructions: block, loop, if; end; return; tail calls; and the type of a block that gives nothing.
_BLOCKS, _END, _RETURN, _TAIL_CALLS, _NOTHING = frozenset({0x02, 0x03, 0x04}), 0x0B, 0x0F, frozenset({0x12, 0x13}), 0x40

_LEB = rb"[\x80-\xff]*+[\x00-\x7f]"


class StackGuard:
    """Finds and enlarges the frames of the functions that check for recursion.

    Parameters
    ----------
    graph
        The component; raises `Malformed` if its CPython is not built as expected.
    """

    def __init__(self, graph: Graph) -> None:
        node = next((n for n in graph.all_nodes() if _MODEL in n.module.exports), None)
        if node is None:
            raise Malformed(f"no module of the component exports {_MODEL}")
        self.node = node
        self.enlarged = 0
        limit = self._limit()
        calls = b"|".join(_index(i) for i in self._helpers(limit))
        self._pointer = [i.name for i in node.imports["global"]].index("__stack_pointer")
        pointer = _index(self._pointer)
        self._check = re.compile(limit + rb"|\x10(?:" + calls + rb")", re.DOTALL)
        self._sets = re.compile(pointer, re.DOTALL)
        # global.get, i32.const N, i32.sub
        self._takes = re.compile(rb"(\x23" + pointer + rb"\x41)(" + _LEB + rb")(\x6b)", re.DOTALL)
        self._gives_back = rb"(\x41)%b(\x6a\x24" + pointer + rb")"
        # global.get, local.set or local.tee
        self._reads = re.compile(rb"(\x23" + pointer + rb")([\x21\x22])(" + _LEB + rb")", re.DOTALL)
        self._writes_back = re.compile(rb"(\x20" + _LEB + rb")(\x24" + pointer + rb")", re.DOTALL)

    def _limit(self) -> bytes:
        """Pattern of the code that loads the limit: an offset is added to the thread's state."""
        index = self.node.module.exports[_MODEL][1] - len(self.node.imports["func"])
        start, end = self.node.module.code[index]
        found = re.search(rb"\x41" + _LEB + rb"\x6a\x28\x02\x00", self.node.module.data[start:end], re.DOTALL)
        if found is None:
            raise Malformed(f"{_MODEL} does not look as expected")
        return re.escape(found[0])

    def _helpers(self, limit: bytes) -> list[int]:
        """Functions that make the check for their caller. The parser, which uses the model, counts its levels itself."""
        module, imported = self.node.module, len(self.node.imports["func"])
        loads = re.compile(limit, re.DOTALL)
        short = (
            imported + i for i, (s, e) in enumerate(module.code) if e - s < _HELPER and loads.search(module.data, s, e)
        )
        return [module.exports["Py_EnterRecursiveCall"][1], *(i for i in short if i != module.exports[_MODEL][1])]

    def __call__(self, node: Node, start: int, end: int) -> bytes | None:
        """The function body `data[start:end]` with a larger frame; None if it stays as it is."""
        data = node.module.data
        if node is not self.node or end - start < _HELPER or not self._check.search(data, start, end):
            return None
        at = end_of_locals(data, start, end)
        _, parts = body_parts(data, start, end)
        uses = [i for _, i in parts if i[:1] in {b"\x23", b"\x24"} and self._sets.fullmatch(i, 1)]
        sets = sum(1 for i in uses if i[:1] == b"\x24")
        code = self._enlarge_taken(data[at:end], sets) or self._enlarge_read(data[at:end], sets)
        if not uses:
            code = self._surround(start, end)
        if code is None:
            return None
        self.enlarged += 1
        return data[start:at] + code

    def _enlarge_taken(self, code: bytes, sets: int) -> bytes | None:
        """A function that takes N bytes: let it take, and give back, more."""
        taken = self._takes.match(code)
        if taken is None:
            return None
        larger = leb.signed(leb.Reader(taken[2]).signed() + LEVEL)
        pattern = re.compile(self._gives_back % re.escape(taken[2]), re.DOTALL)
        rest, count = pattern.subn(lambda found: found[1] + larger + found[2], code[taken.end() :])
        return taken[1] + larger + taken[3] + rest if 0 < count == sets - 1 else None

    def _enlarge_read(self, code: bytes, sets: int) -> bytes | None:
        """A function that only reads the pointer and writes it back wherever it ends: let it take some, too."""
        read = self._reads.match(code)
        if read is None:
            return None
        size = leb.signed(LEVEL)
        keep = b"\x20" + read[3] if read[2] == b"\x22" else b""
        head = read[1] + b"\x41" + size + b"\x6b\x22" + read[3] + b"\x24" + read[1][1:] + keep
        rest, count = self._writes_back.subn(
            lambda found: found[1] + b"\x41" + size + b"\x6a" + found[2], code[read.end() :]
        )
        # It ends at every return and at its end; the count of bytes that look like returns is never too small.
        return head + rest if count == sets == code.count(b"\x0f") + 1 else None

    def _surround(self, start: int, end: int) -> bytes | None:
        """A function without a frame: make one, and end the function in one place, where the frame is taken away."""
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
        inside = b"\x02" + bytes(results or [_NOTHING]) + b"".join(body)  # a block; the body has its end
        return move % b"\x6b" + inside + move % b"\x6a" + bytes([_END])


def _index(value: int) -> bytes:
    """Pattern of an index, written as short as possible or, as linkers leave it, in five bytes."""
    padded = bytes((value >> 7 * i & 0x7F | 0x80) for i in range(4)) + bytes((value >> 28,))
    return rb"(?:" + re.escape(leb.unsigned(value)) + rb"|" + re.escape(padded) + rb")"
