"""A module that is split into two parts: hot functions, which are compiled, and all others, which are interpreted.

The two parts call each other in these ways:

* Compiled code enters the interpreter through stubs (`stubs`). In the table, a stub replaces each interpreted function. Before
  each indirect call with the type of an interpreted function, a global is set to the slot that is called.
* The interpreter calls compiled and imported functions through a separate table.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ....engine import assemble
from ....parsing import leb128 as leb
from ....parsing.leb128 import I32, NUMBER_TYPES, Malformed, Reader
from ...wasm_binary.core_module import CoreModule
from ...wasm_binary.relocations import body_parts
from ..interpreter.cold_code import ColdCode
from ..interpreter.handlers import READERS, interpreter_text
from ..interpreter.layout import Layout
from ..interpreter.operations import Operations
from .carved_function import CarvedFunction, Exit, carve
from .inlining import FILLERS, filler
from .interpreter_merge import merge
from .stubs import Stubs, function_types
from .writer import ModuleWriter, global_

__all__ = ["Hot", "SplitModule", "SplitSizes", "operations_for"]

#: Function -> offsets of the blocks that were executed, or None if the whole function is compiled.
Hot = Mapping[int, "frozenset[int] | None"]

_NONE = 0xFFFFFFFF

#: Bodies of functions that copy from a passive segment with `memory.init`. Their parameters are destination, offset and size.
_READ = [b"\x00\x20\x00\x20\x01\x20\x02\xfc\x08" + leb.unsigned(n) + b"\x00\x0b" for n, _ in enumerate(READERS)]


@dataclass(frozen=True)
class SplitSizes:
    """Sizes of the compiled and the interpreted part of a module.

    Attributes
    ----------
    compiled, interpreted
        Number of functions in each part.
    compiled_bytes, interpreted_bytes
        Bytes of the functions' bodies in each part. Blocks that were removed from compiled functions count as interpreted.
    exits
        Number of compiled functions that can continue in the interpreter.
    """

    compiled: int
    interpreted: int
    compiled_bytes: int
    interpreted_bytes: int
    exits: int


def operations_for(module: CoreModule) -> Operations:
    """Return the interpreter's operations for the code of a module."""
    return Operations(range(len(module.types)), _set_globals(module))


def _set_globals(module: CoreModule) -> dict[int, str]:
    return {number: NUMBER_TYPES[g.type] for number, g in enumerate(module.globals)}


class SplitModule:
    """A module whose functions are split into compiled and interpreted ones.

    Parameters
    ----------
    module
        The module to split.
    cold
        All functions of the module, including hot ones, translated for the interpreter.
    hot
        Functions that are compiled. Exported functions, and functions that can't be interpreted, are compiled as well.
    archive_reader
        Index of the function (to, from, size) that copies from the archive of Python's library in memory. It is replaced by a
        function that reads the compressed archive from a passive segment (default None).

    Attributes
    ----------
    writer
        The new module, without data.
    layout
        Addresses of the interpreter's tables, relative to the first page after the module's own memory.
    tables
        Initial content of the interpreter's tables.
    functions
        Index of each compiled function in `module` -> index in `writer`.
    added
        Name of each function that the interpreter exports -> index in `writer`.
    """

    def __init__(self, module: CoreModule, cold: ColdCode, hot: Hot, archive_reader: int | None = None) -> None:
        self.module = module
        self._archive_reader = archive_reader
        self.cold = cold
        self.imported = len(module.imported("func"))
        count = self.imported + len(module.functions)
        self.hot = _completed(module, cold, hot, self.imported)
        if archive_reader is not None:
            self.hot[archive_reader] = None
        self.slot_count = module.tables[0].minimum if module.tables else 0
        self.layout = Layout(count, self.slot_count, len(cold.chunks), cold.largest_chunk)
        self.operations = operations_for(module)
        self.writer = ModuleWriter.like(module)
        # Order of the functions: fillers, compiled functions, the interpreter (the number of its functions is known), stubs.
        for size in FILLERS:
            self.writer.add_function(self.writer.type_number(b"\x60\0\0"), filler(size))
        first = self.imported + len(FILLERS)
        self.functions = {f: f for f in range(self.imported)}
        self.functions |= {f: first + i for i, f in enumerate(sorted(self.hot))}
        called = sorted(cold.callees & self.functions.keys())
        self.slot_of = {function: slot for slot, function in enumerate(called, len(self.operations.names))}
        self._guest = CoreModule.read(assemble(self._interpreter_text()))
        self._module_slots = self._read_slots()
        self._cold_types = {
            module.function_type(f) for f in self._module_slots.values() if f not in self.functions
        }  # fmt: skip
        self._globals()
        first += len(self.hot)
        self._names = {n: self._guest_number(first, i) for n, (k, i) in self._guest.exports.items() if k == "func"}
        first_stub = first + len(self._guest.functions) + len(READERS)
        self._stubs = Stubs(module, self.writer, first_stub, self.stack, self.called_slot, self._names)
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
        """Sizes of the compiled and the interpreted part of the module."""
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
        called = {self.module.function_type(f) for f in self.slot_of}
        return interpreter_text(self.operations, types, _set_globals(self.module), self.layout, called)

    def _globals(self) -> None:
        """Add the interpreter's globals. The values of `base` and `stack` are set by `place`."""
        self.base = self.writer.add_global(I32, 0, mutable=False)
        self.stack = self.writer.add_global(I32, 0)
        self.called_slot = self.writer.add_global(I32, 0)

    def _guest_number(self, first: int, index: int) -> int:
        return first + len(READERS) + index - len(self._guest.imported("func"))

    def _add_interpreter(self) -> None:
        kind = self.writer.type_number(b"\x60\x03\x7f\x7f\x7f\x00")
        readers = {
            f"read-{name}": self.writer.add_function(kind, body) for name, body in zip(READERS, _READ, strict=True)
        }
        names = {f"global {g}": g for g in _set_globals(self.module)} | {"base": self.base, "stack": self.stack}
        self.added = merge(self.writer, self._guest, readers, names)
        assert self.added == self._names
        self._stubs.write()

    # -- compiled functions -------------------------------------------------------------------------------------------

    def _body(self, function: int) -> bytes:
        """Return the body of a compiled function, in which calls use the new indexes of functions."""
        if function == self._archive_reader:
            arguments = b"".join(b"\x20" + leb.unsigned(n) for n in range(3))
            return b"\0" + arguments + b"\x10" + leb.unsigned(self._names["copy-archive"]) + b"\x0b"
        index = function - self.imported
        start, end = self.module.code[index]
        executed = self.hot[function]
        kind = self.module.functions[index]
        if executed is not None:
            parameters, results = function_types(self.module.types[kind])
            carved = carve(self.module.data, (start, end), parameters, executed, self.cold.points[function])
            if carved is not None:
                self.exits += 1
                return self._with_exits(self.cold.links[function], carved, results)
        head, parts = body_parts(self.module.data, start, end)
        return head + b"".join([part for run, last in parts for part in (run, self._call(last))])

    def _with_exits(self, link: int, carved: CarvedFunction, results: bytes) -> bytes:
        return carved.head + b"".join(
            self._stubs.exit(part, link, carved.locals, results)
            if isinstance(part, Exit)
            else self._call(part)
            if part[0] in {0x10, 0x11}
            else part
            for part in carved.body
        )

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
                stub = leb.unsigned(self._stubs.direct(kind))
                return b"\x41" + leb.signed(self.cold.starts[function]) + b"\x10" + stub
            case 0x11:
                if r.u32() not in self._cold_types:
                    return instruction
                slot = leb.unsigned(self.called_slot)
                return b"\x24" + slot + b"\x23" + slot + instruction
            case 0x12 | 0xD2:
                raise Malformed("modules with tail calls or references to functions can't be split")
        return instruction

    # -- the table ------------------------------------------------------------------------------------------------------

    def _read_slots(self) -> dict[int, int]:
        slots = {}
        for elements in self.module.elements:
            if elements.offset is None or elements.table:
                raise Malformed("the module has elements that aren't written to the first table at its start")
            for i, function in enumerate(elements.functions, elements.offset[0][1]):
                slots[i] = function[0][1]
        return slots

    def _fill_slots(self) -> None:
        """Fill the module's table, and those slots of the interpreter's table through which it calls compiled functions."""
        for slot, function in self._module_slots.items():
            if function in self.functions:
                self.writer.slots[slot] = self.functions[function]
            else:
                self.writer.slots[slot] = self._stubs.slot(self.module.function_type(function))
        self.writer.own_slots |= {slot: self.functions[function] for function, slot in self.slot_of.items()}

    def _tables(self) -> bytes:
        """Return the initial content of the interpreter's tables, in the order of `layout`."""
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
            f"<{2 * len(self.cold.chunks)}I", out, layout.chunks, *(part for c in self.cold.chunks for part in c)
        )
        return bytes(out)

    # -- the finished module ----------------------------------------------------------------------------------------------

    @cached_property
    def exports(self) -> dict[str, tuple[str, int]]:
        """Exports of the module, with the new indexes of functions."""
        return {
            name: (kind, self.functions[number] if kind == "func" else number)
            for name, (kind, number) in self.module.exports.items()
        }

    def place(self, pages: int) -> None:
        """Set the address of the interpreter's memory, which begins after `pages` pages."""
        base = pages << 16
        self.writer.globals[self.base] = global_(I32, base, mutable=False)
        self.writer.globals[self.stack] = global_(I32, base + self.layout.stack, mutable=True)


def _completed(module: CoreModule, cold: ColdCode, hot: Hot, imported: int) -> dict[int, frozenset[int] | None]:
    """Return the functions to compile, which are hot functions, exported functions, and functions that can't be interpreted."""
    complete = {f: executed if f in cold.starts else None for f, executed in hot.items() if f >= imported}
    for kind, function in module.exports.values():
        if kind == "func" and function >= imported:
            complete.setdefault(function, frozenset())
    for function in range(imported, imported + len(module.functions)):
        if function not in cold.starts:
            complete[function] = None
    return complete
