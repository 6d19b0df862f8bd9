"""A writer for core modules, to which functions and globals can be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ....parsing import leb128 as leb
from ....parsing.leb128 import CORE_MAGIC, Reader
from ...wasm_binary.core_module import CoreModule
from .inlining import without_inlining

__all__ = ["ModuleWriter"]

_KINDS = {"func": 0, "table": 1, "memory": 2, "global": 3}


@dataclass
class ModuleWriter:
    """A module that is being written. Imported functions have the first indexes.

    Attributes
    ----------
    types
        Encoded function types of the module.
    imports
        Body of the import section.
    imported
        Number of imported functions.
    functions
        Functions that the module defines, as (index of the type, body). The first functions are those of `inlining.FILLERS`.
    slots, own_slots
        Slot of the first table -> function, and slot of the second table -> function.
    globals
        Encoded globals.
    exports
        Name -> (kind, index).
    """

    types: list[bytes]
    imports: bytes
    imported: int
    globals: list[bytes]
    functions: list[tuple[int, bytes]] = field(default_factory=list)
    slots: dict[int, int] = field(default_factory=dict)
    own_slots: dict[int, int] = field(default_factory=dict)
    exports: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def like(cls, module: CoreModule) -> ModuleWriter:
        """Create a writer with the types, imports and globals of a module."""
        spans = {name: module.data[start:end] for name, start, end in module.sections}
        return cls(
            list(module.types),
            spans.get("import", b"\0"),
            len(module.imported("func")),
            _globals(spans.get("global", b"\0"), module),
        )

    def type_number(self, encoded: bytes) -> int:
        """Return the index of a function type. The type is added if the module doesn't contain it."""
        try:
            return self.types.index(encoded)
        except ValueError:
            self.types.append(encoded)
            return len(self.types) - 1

    def add_function(self, type_number: int, body: bytes) -> int:
        """Add a function, and return its index."""
        self.functions.append((type_number, body))
        return self.imported + len(self.functions) - 1

    def add_global(self, kind: int, value: int, *, mutable: bool = True) -> int:
        """Add a 32-bit global, and return its index."""
        self.globals.append(global_(kind, value, mutable=mutable))
        return len(self.globals) - 1

    def module(self, pages: int, table_size: int, segments: list[bytes]) -> bytes:
        """Return the encoded module.

        Parameters
        ----------
        pages
            Initial size of the memory in pages.
        table_size
            Number of slots in the first table.
        segments
            Encoded data segments.
        """
        sizes = [len(body) for _, body in self.functions]
        bodies = (without_inlining(body, self.imported, sizes) for _, body in self.functions)
        exports = (leb.name(n) + bytes((_KINDS[k],)) + leb.unsigned(i) for n, (k, i) in self.exports.items())
        sections: Mapping[int, bytes] = {
            1: leb.vector(self.types),
            2: self.imports,
            3: leb.vector(leb.unsigned(kind) for kind, _ in self.functions),
            4: leb.vector(
                b"\x70\x01" + 2 * leb.unsigned(size) for size in (table_size, max(self.own_slots, default=-1) + 1)
            ),
            5: leb.vector([b"\0" + leb.unsigned(pages)]),
            6: leb.vector(self.globals),
            7: leb.vector(exports),
            9: leb.vector([*_elements(0, self.slots), *_elements(1, self.own_slots)]),
            12: leb.unsigned(len(segments)),
            10: leb.vector(leb.unsigned(len(body)) + body for body in bodies),
            11: leb.vector(segments),
        }
        return CORE_MAGIC + b"".join(leb.section(number, body) for number, body in sections.items())


def _elements(table: int, slots: Mapping[int, int]) -> list[bytes]:
    """Return an element segment for each run of filled slots in a table."""
    runs: list[tuple[int, list[int]]] = []
    for slot in sorted(slots):
        if not runs or slot != runs[-1][0] + len(runs[-1][1]):
            runs.append((slot, []))
        runs[-1][1].append(slots[slot])
    head, kind = (b"\x02" + leb.unsigned(table), b"\0") if table else (b"\0", b"")
    return [
        head + b"\x41" + leb.signed(first) + b"\x0b" + kind + leb.vector(map(leb.unsigned, functions))
        for first, functions in runs
    ]


def global_(kind: int, value: int, *, mutable: bool) -> bytes:
    """Return an encoded 32-bit global."""
    return bytes((kind, mutable, 0x41)) + leb.signed((value ^ 0x80000000) - 0x80000000) + b"\x0b"


def _globals(body: bytes, module: CoreModule) -> list[bytes]:
    """Return the encoded globals of a module as a list."""
    r = Reader(body)
    encoded = []
    for _ in range(r.u32()):
        start = r.at
        r.byte(), r.byte()
        _skip_constant(r)
        encoded.append(body[start : r.at])
    assert len(encoded) == len(module.globals)
    return encoded


def _skip_constant(r: Reader) -> None:
    """Skip a constant expression with one operand."""
    code = r.byte()
    if code in {0x41, 0x42}:
        r.signed()
    else:
        r.skip({0x43: 4, 0x44: 8}[code])
    r.byte()
