"""A module in two parts: hot functions compiled, all others interpreted.

Calls between the two:

* Compiled code calls an interpreted function through a stub, one for each type, which puts the arguments into a frame.
* The table's slots of interpreted functions hold a stub, again one for each type. Which slot was called stands in a global,
  set before each indirect call of such a type.
* The interpreter calls a compiled function, or an imported one, through a table of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ....engine import assemble
from ....formats import leb128 as leb
from ....formats.leb128 import Malformed, Reader
from ...wasm.core_module import CoreModule
from ...wasm.relocations import body_parts
from ..carve.carved_function import LOAD, STORE, CarvedFunction, carve
from ..interpreter.cold_code import ColdCode
from ..interpreter.handlers import interpreter_text
from ..interpreter.layout import Layout
from ..interpreter.operations import Operations
from .interpreter_merge import merge
from .writer import ModuleWriter, global_

__all__ = ["COLD", "IMAGE", "Hot", "SplitModule", "SplitSizes", "operations_for"]

#: Function -> offsets of the blocks that were executed; None: all of it stays compiled.
Hot = Mapping[int, "frozenset[int] | None"]

#: Numbers of the passive data segments.
COLD, IMAGE = 0, 1

_I32 = 0x7F
_NONE = 0xFFFFFFFF

#: Reads from a passive segment, whose number is missing: memory.init of the three parameters.
_READ = b"\x00\x20\x00\x20\x01\x20\x02\xfc\x08"


@dataclass(frozen=True)
class SplitSizes:
    """Sizes of the parts.

    Attributes
    ----------
    compiled, interpreted
        Functions.
    compiled_bytes, interpreted_bytes
        Bytes of their bodies; those that were cut out of compiled functions count as interpreted.
    exits
        Compiled functions that can hand over to the interpreter.
    """

    compiled: int
    interpreted: int
    compiled_bytes: int
    interpreted_bytes: int
    exits: int


def operations_for(module: CoreModule) -> Operations:
    """The interpreter's operations for a module."""
    return Operations(range(len(module.types)), _set_globals(module))


def _set_globals(module: CoreModule) -> dict[int, str]:
    names = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}
    return {number: names[g.type] for number, g in enumerate(module.globals)}


class SplitModule:
    """A split of a module.

    Parameters
    ----------
    module
        What is split.
    cold
        All of its functions, translated.
    hot
        The functions that stay compiled. Exported ones are added, and those that cannot be interpreted.

    Attributes
    ----------
    writer
        The new module without its data.
    layout
        Where the interpreter's tables lie, counted from the first page behind the module's own memory.
    tables
        What stands there at the start.
    functions
        Compiled function -> its new number.
    added
        The interpreter's functions for assembly: `unpack-image`.
    """

    def __init__(self, module: CoreModule, cold: ColdCode, hot: Hot) -> None:
        self.module = module
        self.cold = cold
        self.imported = len(module.imported("func"))
        count = self.imported + len(module.functions)
        self.hot = _completed(module, cold, hot, self.imported)
        self.slot_count = module.tables[0].minimum if module.tables else 0
        self.layout = Layout(count, self.slot_count, len(cold.chunks), cold.largest_chunk)
        self.operations = operations_for(module)
        self.writer = ModuleWriter.like(module)
        self.functions = {f: f for f in range(self.imported)}
        self.functions |= {f: self.imported + i for i, f in enumerate(sorted(self.hot))}
        # Stubs come behind the compiled functions; the interpreter, whose size is known, before them.
        self._guest = CoreModule.read(assemble(self._interpreter_text()))
        self._direct_stubs: dict[int, int] = {}
        self._slot_stubs: dict[int, int] = {}
        self._module_slots = self._read_slots()
        self._cold_types = {
            module.function_type(f) for f in self._module_slots.values() if f not in self.functions
        }  # fmt: skip
        self._globals()
        first = self.imported + len(self.hot)
        self._names = {n: self._guest_number(first, i) for n, (k, i) in self._guest.exports.items() if k == "func"}
        self._first_stub = first + len(self._guest.functions) + 2
        self._stubs: list[tuple[int, bytes]] = []
        self.exits = 0
        bodies = [self._body(f) for f in sorted(self.hot)]
        self.writer.functions += [
            (module.functions[f - self.imported], b) for f, b in zip(sorted(self.hot), bodies, strict=True)
        ]
        self._fill_slots()
        self._add_interpreter()
        self.tables = self._tables()
        self._compiled_bytes = sum(map(len, bodies))

    @property
    def sizes(self) -> SplitSizes:
        """How much is compiled and how much interpreted."""
        total = sum(end - start for start, end in self.module.code)
        return SplitSizes(
            len(self.hot),
            len(self.module.functions) - len(self.hot),
            self._compiled_bytes,
            max(total - self._compiled_bytes, 0),
            self.exits,
        )

    # -- the interpreter ----------------------------------------------------------------------------------------------

    def _interpreter_text(self) -> str:
        types = {number: self.module.signature(number) for number in range(len(self.module.types))}
        return interpreter_text(self.operations, types, _set_globals(self.module), self.layout)

    def _globals(self) -> None:
        """Add the interpreter's globals; `base` and `stack` get their values when the memory's size is known."""
        self.base = self.writer.add_global(_I32, 0, mutable=False)
        self.stack = self.writer.add_global(_I32, 0)
        self.called_slot = self.writer.add_global(_I32, 0)

    def _guest_number(self, first: int, index: int) -> int:
        return first + 2 + index - len(self._guest.imported("func"))

    def _add_interpreter(self) -> None:
        kind = self.writer.type_number(b"\x60\x03\x7f\x7f\x7f\x00")
        readers = {
            f"read-{name}": self.writer.add_function(kind, _READ + leb.unsigned(segment) + b"\x00\x0b")
            for name, segment in (("cold", COLD), ("image", IMAGE))
        }
        names = {f"global {g}": g for g in _set_globals(self.module)} | {"base": self.base, "stack": self.stack}
        self.added = merge(self.writer, self._guest, readers, names)
        assert self.added == self._names
        for kind, body in self._stubs:
            self.writer.add_function(kind, body)

    # -- compiled functions -------------------------------------------------------------------------------------------

    def _body(self, function: int) -> bytes:
        """A compiled function with its calls led to where the functions are now."""
        index = function - self.imported
        start, end = self.module.code[index]
        executed = self.hot[function]
        kind = self.module.functions[index]
        if executed is not None:
            parameters = _types(self.module.types[kind])[0]
            carved = carve(self.module.data, (start, end), parameters, executed, self.cold.points[function])
            if carved is not None:
                self.exits += 1
                return self._with_exit(function, carved, _types(self.module.types[kind])[1])
        head, parts = body_parts(self.module.data, start, end)
        return head + b"".join([x for run, last in parts for x in (run, self._call(last))])

    def _with_exit(self, function: int, carved: CarvedFunction, results: bytes) -> bytes:
        frame, exit_ = leb.unsigned(carved.exit + 1), leb.unsigned(carved.exit)
        spill = b"".join(
            b"\x20" + frame + b"\x20" + leb.unsigned(i) + STORE[kind] + leb.unsigned(8 * i)
            for i, kind in enumerate(carved.locals)
        )
        link = b"\x41" + leb.signed(self.cold.links[function])
        resume = b"\x20" + exit_ + link + b"\x20" + frame + b"\x10" + leb.unsigned(self._names["resume"])
        return b"".join(
            (
                carved.head,
                *(self._call(i) if i[0] in {0x10, 0x11} else i for i in carved.body),
                b"\x0f\x0b",  # return; the end of the block around the body
                b"\x23" + leb.unsigned(self.stack) + b"\x21" + frame,
                spill,
                resume,
                self._result(frame, results),
                b"\x0b",
            )
        )

    def _result(self, frame: bytes, results: bytes) -> bytes:
        """Give the stack back, and load the result of an interpreted call from its frame."""
        give_back = b"\x20" + frame + b"\x24" + leb.unsigned(self.stack)
        return give_back + b"".join(b"\x20" + frame + LOAD[kind] + b"\0" for kind in results)

    def _call(self, instruction: bytes) -> bytes:
        if not instruction:
            return b""
        r = Reader(instruction, 1)
        match instruction[0]:
            case 0x10:
                function = r.u32()
                if function in self.functions:
                    return b"\x10" + leb.unsigned(self.functions[function])
                kind = self.module.function_type(function)
                return (
                    b"\x41" + leb.signed(self.cold.starts[function]) + b"\x10" + leb.unsigned(self._direct_stub(kind))
                )
            case 0x11:
                if r.u32() not in self._cold_types:
                    return instruction
                slot = leb.unsigned(self.called_slot)
                return b"\x24" + slot + b"\x23" + slot + instruction
            case 0x12 | 0xD2:
                raise Malformed("tail calls and references to functions cannot be split")
        return instruction

    # -- stubs ----------------------------------------------------------------------------------------------------------

    def _direct_stub(self, kind: int) -> int:
        """The stub for calls of interpreted functions of a type; its last parameter is where the code starts."""
        if kind not in self._direct_stubs:
            params, results = _types(self.module.types[kind])
            own = b"\x60" + leb.unsigned(len(params) + 1) + params + b"\x7f" + leb.unsigned(len(results)) + results
            target = b"\x20" + leb.unsigned(len(params))
            body = self._stub(params, results, len(params) + 1, target, self._names["run"])
            self._direct_stubs[kind] = self._add_stub(self.writer.type_number(own), body)
        return self._direct_stubs[kind]

    def _slot_stub(self, kind: int) -> int:
        """The stub that stands in the table for interpreted functions of a type."""
        if kind not in self._slot_stubs:
            params, results = _types(self.module.types[kind])
            target = b"\x23" + leb.unsigned(self.called_slot)
            body = self._stub(params, results, len(params), target, self._names["run-slot"])
            self._slot_stubs[kind] = self._add_stub(kind, body)
        return self._slot_stubs[kind]

    def _add_stub(self, kind: int, body: bytes) -> int:
        self._stubs.append((kind, body))
        return self._first_stub + len(self._stubs) - 1

    def _stub(self, params: bytes, results: bytes, frame_local: int, target: bytes, function: int) -> bytes:
        frame = leb.unsigned(frame_local)
        spill = b"".join(
            b"\x20" + frame + b"\x20" + leb.unsigned(i) + STORE[kind] + leb.unsigned(8 * i)
            for i, kind in enumerate(params)
        )
        call = target + b"\x20" + frame + b"\x10" + leb.unsigned(function)
        head = b"\x01\x01\x7f\x23" + leb.unsigned(self.stack) + b"\x21" + frame
        return head + spill + call + self._result(frame, results) + b"\x0b"

    # -- the table ------------------------------------------------------------------------------------------------------

    def _read_slots(self) -> dict[int, int]:
        slots = {}
        for elements in self.module.elements:
            if elements.offset is None or elements.table:
                raise Malformed("elements that are not put into the first table at once")
            for i, function in enumerate(elements.functions, elements.offset[0][1]):
                slots[i] = function[0][1]
        return slots

    def _fill_slots(self) -> None:
        """The module's table, and in the interpreter's one slot for each compiled function that it may call directly."""
        for slot, function in self._module_slots.items():
            if function in self.functions:
                self.writer.slots[slot] = self.functions[function]
            else:
                self.writer.slots[slot] = self._slot_stub(self.module.function_type(function))
        called = sorted(self.cold.callees & self.functions.keys())
        self.slot_of = {function: slot for slot, function in enumerate(called, len(self.operations.names))}
        self.writer.own_slots |= {slot: self.functions[function] for function, slot in self.slot_of.items()}

    def _tables(self) -> bytes:
        """The interpreter's tables, as `layout` has them."""
        count = self.imported + len(self.module.functions)
        cold = self.cold.starts
        functions = [
            self.slot_of.get(f, _NONE >> 1) << 1 | 1 if f in self.functions else cold[f] for f in range(count)
        ]  # fmt: skip
        slots = [
            _NONE if (f := self._module_slots.get(s)) is None or f in self.functions else cold[f]
            for s in range(self.slot_count)
        ]
        layout = self.layout
        out = bytearray(layout.tables_end)
        struct.pack_into("<H", out, layout.halt, self.operations.numbers["halt"])
        struct.pack_into(f"<{len(functions)}I", out, layout.functions, *functions)
        struct.pack_into(f"<{len(slots)}I", out, layout.slots, *slots)
        struct.pack_into(
            f"<{2 * len(self.cold.chunks)}I", out, layout.chunks, *(x for c in self.cold.chunks for x in c)
        )
        return bytes(out)

    # -- the finished module ----------------------------------------------------------------------------------------------

    @cached_property
    def exports(self) -> dict[str, tuple[str, int]]:
        """What the module exported, with the functions' new numbers."""
        return {
            name: (kind, self.functions[number] if kind == "func" else number)
            for name, (kind, number) in self.module.exports.items()
        }

    def place(self, pages: int) -> None:
        """Put the interpreter behind so many pages of memory."""
        base = pages << 16
        self.writer.globals[self.base] = global_(_I32, base, mutable=False)
        self.writer.globals[self.stack] = global_(_I32, base + self.layout.stack, mutable=True)


def _completed(module: CoreModule, cold: ColdCode, hot: Hot, imported: int) -> dict[int, frozenset[int] | None]:
    """The hot functions with those that have to be compiled: exported ones, and what cannot be interpreted."""
    complete = {f: executed if f in cold.starts else None for f, executed in hot.items() if f >= imported}
    for kind, function in module.exports.values():
        if kind == "func" and function >= imported:
            complete.setdefault(function, frozenset())
    for function in range(imported, imported + len(module.functions)):
        if function not in cold.starts:
            complete[function] = None
    return complete


def _types(encoded: bytes) -> tuple[bytes, bytes]:
    """Parameter and result types of a function type."""
    r = Reader(encoded, 1)
    params = r.bytes(r.u32())
    return params, r.bytes(r.u32())
