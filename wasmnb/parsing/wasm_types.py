"""Types, limits, imports, exports and constant expressions of WebAssembly's binary format.

Reference: https://webassembly.github.io/spec/core/binary/types.html. `TypeReader` reads the forms that wasmtime compiles: 64-bit
and shared memories, 64-bit tables, custom page sizes, recursion groups, subtypes, and types of the garbage collector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .leb128 import VALUE_TYPES, Malformed, Reader

__all__ = [
    "EXTERNAL_KINDS",
    "PAGE",
    "ConstExpression",
    "Limits",
    "Signature",
    "Signatures",
    "TypeDefinition",
    "TypeReader",
]

#: Kinds of imports and exports by their byte.
EXTERNAL_KINDS = ("func", "table", "memory", "global", "tag")

#: Size of a memory page in bytes, if the memory doesn't declare another one.
PAGE = 1 << 16

#: Names of the types of a function's parameters and results.
Signature = tuple[tuple[str, ...], tuple[str, ...]]
Signatures = Mapping[str, Signature]

#: A constant expression as (operator, operand) in postfix order. The operator `gc` stands for all instructions that create or
#: convert objects.
ConstExpression = tuple[tuple[str, int], ...]

#: First bytes of types: functions, structures, arrays and continuations, groups of types, and types with supertypes.
_FUNCTION, _STRUCTURE, _ARRAY, _CONTINUATION = 0x60, 0x5F, 0x5E, 0x5D
_GROUP, _SUBTYPES = 0x4E, (0x4F, 0x50)
_REFERENCES = (0x63, 0x64)

_PLAIN = {0x6A: "i32.add", 0x6B: "i32.sub", 0x6C: "i32.mul", 0x7C: "i64.add", 0x7D: "i64.sub", 0x7E: "i64.mul"}
_WITH_INDEX = {0x23: "global.get", 0xD2: "ref.func"}
_WITH_NUMBER = {0x41: "i32.const", 0x42: "i64.const", 0xD0: "ref.null"}
_WITH_BYTES = {0x43: ("f32.const", 4), 0x44: ("f64.const", 8)}

#: Instruction of the garbage collector that is allowed in constant expressions -> number of its operands.
_OBJECTS = {0x00: 1, 0x01: 1, 0x06: 1, 0x07: 1, 0x08: 2, 0x1A: 0, 0x1B: 0, 0x1C: 0}


@dataclass(frozen=True)
class Limits:
    """Minimum and maximum size of a memory in pages, or of a table in elements.

    Attributes
    ----------
    flags
        The byte in the binary format.
    minimum, maximum
        The sizes. `maximum` is None if it isn't declared.
    page
        Size of a page in bytes, or 1 for a table.
    element
        Type of a table's elements, or an empty string for a memory.
    """

    flags: int
    minimum: int
    maximum: int | None
    page: int = PAGE
    element: str = ""

    @property
    def shared(self) -> bool:
        """Whether the memory can be shared between threads."""
        return bool(self.flags & 0x02)

    @property
    def wide(self) -> bool:
        """Whether addresses or indexes have 64 bits."""
        return bool(self.flags & 0x04)


class TypeDefinition(NamedTuple):
    """A type that a module defines.

    Attributes
    ----------
    encoded
        The type without its supertypes.
    signature
        Signature of a function type. None for structures, arrays and continuations.
    """

    encoded: bytes
    signature: Signature | None

    @property
    def has_objects(self) -> bool:
        """Whether the type is a structure or an array, whose objects are garbage-collected."""
        return self.encoded[0] in {_STRUCTURE, _ARRAY}


class TypeReader(Reader):
    """Reader of sections that contain types."""

    __slots__ = ()

    def peek(self) -> int:
        """Return the next byte without advancing."""
        if self.at >= self.end:
            raise Malformed(f"the file ends in the middle of an item, at offset {self.at:#x}")
        return self.data[self.at]

    def value_type(self) -> str:
        """Read the type of a value. The names of references other than `funcref` and `externref` are "ref"."""
        byte = self.byte()
        if byte in _REFERENCES:
            self.signed()  # the type to which it refers
            return "ref"
        return VALUE_TYPES.get(byte, "ref")

    def types(self) -> list[TypeDefinition]:
        """Read the types of a type section. The types of recursion groups are at the same level as all others."""
        definitions: list[TypeDefinition] = []
        for _ in range(self.u32()):
            if self.peek() == _GROUP:
                self.skip(1)
                definitions += self.vector(self._type)
            else:
                definitions.append(self._type())
        return definitions

    def _type(self) -> TypeDefinition:
        if self.peek() in _SUBTYPES:
            self.skip(1)
            self.vector(self.u32)  # the supertypes
        start = self.at
        form = self.byte()
        signature = None
        if form == _FUNCTION:
            signature = tuple(self.vector(self.value_type)), tuple(self.vector(self.value_type))
        elif form == _STRUCTURE:
            self.vector(self._field)
        elif form == _ARRAY:
            self._field()
        elif form == _CONTINUATION:
            self.signed()  # the type of its function
        else:
            raise Malformed(f"unknown form of type {form:#x} at offset {start:#x}")
        return TypeDefinition(self.data[start : self.at], signature)

    def _field(self) -> None:
        self.value_type()
        self.byte()  # whether the field is mutable

    def memory(self) -> Limits:
        """Read the type of a memory."""
        flags, minimum, maximum = self._limits()
        return Limits(flags, minimum, maximum, 1 << self._page_bits() if flags & 0x08 else PAGE)

    def table(self) -> Limits:
        """Read the type of a table."""
        element = self.value_type()
        return Limits(*self._limits(), page=1, element=element)

    def defined_table(self) -> Limits:
        """Read the definition of a table, and skip the initial value of its elements."""
        if self.peek() != 0x40:
            return self.table()
        self.skip(2)
        table = self.table()
        self.expression()
        return table

    def _limits(self) -> tuple[int, int, int | None]:
        flags = self.byte()
        bits = 64 if flags & 0x04 else 32
        return flags, self.unsigned(bits), self.unsigned(bits) if flags & 0x01 else None

    def _page_bits(self) -> int:
        bits = self.u32()
        if bits > 16:
            raise Malformed(
                f"a memory has pages of 2^{bits} bytes at offset {self.at:#x}, but at most 2^16 are allowed"
            )
        return bits

    def external_kind(self) -> str:
        """Read the kind of an import or export."""
        number = self.byte()
        if number >= len(EXTERNAL_KINDS):
            raise Malformed(f"unknown kind of import or export {number:#x} at offset {self.at:#x}")
        return EXTERNAL_KINDS[number]

    def import_(self) -> tuple[str, str, str, int | Limits | bytes]:
        """Read an import: the two parts of its name, its kind, and its type.

        The type is the index of a type for functions and tags, `Limits` for tables and memories, and the encoded type for
        globals.
        """
        module, name, kind = self.name(), self.name(), self.external_kind()
        return module, name, kind, self._import_type(kind)

    def _import_type(self, kind: str) -> int | Limits | bytes:
        match kind:
            case "func":
                return self.u32()
            case "table":
                return self.table()
            case "memory":
                return self.memory()
            case "global":
                start = self.at
                self._field()
                return self.data[start : self.at]
            case _:
                self.byte()
                return self.u32()

    def export(self) -> tuple[str, str, int]:
        """Read an export: its name, its kind, and its index."""
        return self.name(), self.external_kind(), self.u32()

    def expression(self) -> ConstExpression:
        """Read a constant expression up to and including its end."""
        instructions: list[tuple[str, int]] = []
        while (code := self.byte()) != 0x0B:
            instructions.append(self._instruction(code))
        return tuple(instructions)

    def _instruction(self, code: int) -> tuple[str, int]:
        if code in _PLAIN:
            return _PLAIN[code], 0
        if code in _WITH_INDEX:
            return _WITH_INDEX[code], self.u32()
        if code in _WITH_NUMBER:
            return _WITH_NUMBER[code], self.signed()
        if code in _WITH_BYTES:
            name, size = _WITH_BYTES[code]
            return name, int.from_bytes(self.bytes(size), "little")
        if code == 0xFD and self.u32() == 0x0C:
            return "v128.const", int.from_bytes(self.bytes(16), "little")
        if code == 0xFB and (number := self.u32()) in _OBJECTS:
            for _ in range(_OBJECTS[number]):
                self.u32()
            return "gc", number
        raise Malformed(
            f"a constant expression contains instruction {code:#x} at offset {self.at:#x}, which isn't allowed there"
        )
