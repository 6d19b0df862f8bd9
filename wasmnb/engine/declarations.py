"""Declarations of a module (imports, exports, memories and tables), read from its bytes.

If wasmtime's C API is asked for a type that it can't express (a vector or a typed reference), it aborts the process. Its time
is also quadratic in the number of exports. For these reasons, this module reads the sections that it needs itself, in one
pass. wasmtime has already validated the module, so that anything unexpected is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._display import short
from ..errors import ModuleError
from ..parsing.leb128 import CORE_MAGIC, VALUE_TYPES, Reader, section

__all__ = [
    "ELEMENT",
    "PAGE",
    "Declarations",
    "ExportType",
    "ImportType",
    "SizeLimits",
    "declaring_sections",
    "signature_text",
]

_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _EXPORT = 1, 2, 3, 4, 5, 6, 7

#: Sections to read, in their order in a module.
_DECLARING = (_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _EXPORT)

_KINDS = ("func", "table", "memory", "global", "tag")

#: Size of a memory page in bytes.
PAGE = 1 << 16

#: Size of a table element in bytes.
ELEMENT = 8

Signature = tuple[tuple[str, ...], tuple[str, ...]]
Signatures = Mapping[str, Signature]

_NO_SIGNATURE: Signature = ((), ())


def signature_text(params: Iterable[str], results: Iterable[str]) -> str:
    """Format a signature as Envoy does, such as `i32 i32 -> i32`."""
    return short(f"{' '.join(params) or 'void'} -> {' '.join(results) or 'void'}")


@dataclass(frozen=True)
class ImportType:
    """An import of a module.

    Attributes
    ----------
    module, name
        The two parts of the import's name.
    kind
        `func`, `memory`, `table`, `global` or `tag`.
    params, results
        Types of a function's parameters and results, such as `i32`.
    """

    module: str
    name: str
    kind: str
    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportType:
    """An export of a module.

    Attributes
    ----------
    name
        Name of the export.
    kind, params, results
        As for `ImportType`.
    """

    name: str
    kind: str
    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class SizeLimits:
    """Size of a memory or a table.

    Attributes
    ----------
    minimum, maximum
        Minimum and maximum size in bytes. `maximum` is None if the module doesn't declare a maximum.
    element
        Type of a table's elements, or an empty string for a memory.
    """

    minimum: int
    maximum: int | None
    element: str = ""


@dataclass
class Declarations:
    """Imports, exports, memories and tables of a module.

    Attributes
    ----------
    imports, exports
        The imports and the exports, in the module's order.
    memories, tables
        Sizes of the memories and of the tables, beginning with imported ones.
    has_objects
        Whether the module declares types of structures or arrays, whose objects are garbage-collected.
    """

    imports: list[ImportType] = field(default_factory=list)
    exports: list[ExportType] = field(default_factory=list)
    memories: list[SizeLimits] = field(default_factory=list)
    tables: list[SizeLimits] = field(default_factory=list)
    has_objects: bool = False
    _functions: list[int] = field(default_factory=list)  # type of each function, imported ones first
    _types: list[Signature] = field(default_factory=list)

    @classmethod
    def read(cls, wasm: bytes) -> Declarations:
        """Read the declarations of a valid module, or of the bytes returned by `declaring_sections`.

        Raises
        ------
        ModuleError
            A section contains something that wasmnb can't read.
        """
        declared = cls()
        parts: dict[int, Callable[[_TypeReader], None]] = {
            _TYPE: declared._read_types,
            _IMPORT: lambda r: declared.imports.extend(r.vector(lambda: declared._import(r))),
            _FUNCTION: lambda r: declared._functions.extend(r.numbers()),
            _TABLE: lambda r: declared.tables.extend(r.vector(lambda: _defined_table(r))),
            _MEMORY: lambda r: declared.memories.extend(r.vector(lambda: _memory(r))),
            _EXPORT: lambda r: declared.exports.extend(r.vector(lambda: declared._export(r))),
        }
        try:
            for number, start, end in list(_sections(wasm)):  # a list, so that the whole file is checked first
                if number in parts:
                    reader = _TypeReader(wasm, start, end)
                    parts[number](reader)
                    declared.has_objects |= reader.objects
        except (IndexError, ValueError) as error:
            raise ModuleError(f"wasmnb can't read the module's declarations: {error}") from None
        return declared

    def _read_types(self, r: _TypeReader) -> None:
        for _ in range(r.u32()):
            self._types += r.recursive_types() if r.peek() == 0x4E else [r.type()]

    def _import(self, r: _TypeReader) -> ImportType:
        module, name, kind = r.name(), r.name(), _KINDS[r.byte()]
        signature = _NO_SIGNATURE
        if kind == "func":
            self._functions.append(r.u32())
            signature = self._types[self._functions[-1]]
        elif kind == "table":
            self.tables.append(_table(r))
        elif kind == "memory":
            self.memories.append(_memory(r))
        elif kind == "global":
            r.value_type()
            r.byte()
        else:
            r.byte()
            r.u32()
        return ImportType(module, name, kind, *signature)

    def _export(self, r: _TypeReader) -> ExportType:
        name, kind, index = r.name(), _KINDS[r.byte()], r.u32()
        return ExportType(name, kind, *(self._types[self._functions[index]] if kind == "func" else _NO_SIGNATURE))


def declaring_sections(wasm: bytes) -> bytes:
    """Return a valid module with only the sections that `Declarations.read` needs."""
    return CORE_MAGIC + b"".join(
        section(number, wasm[start:end]) for number, start, end in _sections(wasm) if number in _DECLARING
    )


def _sections(wasm: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the number, start and end of every section."""
    return Reader(wasm, len(CORE_MAGIC)).sections()


def _defined_table(r: _TypeReader) -> SizeLimits:
    if r.peek() != 0x40:
        return _table(r)
    r.skip(2)  # a table with an initial value: 0x40 0x00 before its type, an expression after it
    table = _table(r)
    r.skip_expression()
    return table


def _table(r: _TypeReader) -> SizeLimits:
    element = r.value_type()
    minimum, maximum = r.limits(paged=False)
    return SizeLimits(minimum * ELEMENT, None if maximum is None else maximum * ELEMENT, element)


def _memory(r: _TypeReader) -> SizeLimits:
    return SizeLimits(*r.limits(paged=True))


class _TypeReader(Reader):
    """Reader of sections that also reads types."""

    __slots__ = ("objects",)

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        super().__init__(data, at, end)
        self.objects = False  # whether a structure or array type has been read

    def peek(self) -> int:
        """Return the next byte without advancing."""
        return self.data[self.at]

    def numbers(self) -> Sequence[int]:
        """Read the vector of numbers at the end of the section.

        In most modules, each number is encoded as one byte. These bytes are returned without decoding.
        """
        count = self.u32()
        plain = self.data[self.at : self.end]
        return plain if plain.isascii() else [self.u32() for _ in range(count)]

    def value_type(self) -> str:
        byte = self.byte()
        if byte in {0x63, 0x64}:  # a reference to a heap type
            self.signed()
            return "ref"
        return VALUE_TYPES.get(byte, "ref")

    def recursive_types(self) -> list[Signature]:
        self.byte()
        return self.vector(self.type)

    def type(self) -> Signature:
        """Read a type and return its signature. The signature of a structure or array is empty."""
        form = self.byte()
        while form in {0x4F, 0x50}:  # a subtype and its supertypes
            self.vector(self.u32)
            form = self.byte()
        if form == 0x5D:  # a continuation
            self.u32()
            return _NO_SIGNATURE
        if form in {0x5E, 0x5F}:
            self.objects = True
            self.field() if form == 0x5E else self.vector(self.field)
            return _NO_SIGNATURE
        if form != 0x60:
            raise ValueError(f"a type has the unknown form {form:#x}")
        return tuple(self.vector(self.value_type)), tuple(self.vector(self.value_type))

    def field(self) -> None:
        self.value_type()
        self.byte()

    def limits(self, *, paged: bool) -> tuple[int, int | None]:
        """Read the minimum and maximum size, in bytes for a memory and in elements for a table."""
        flags = self.byte()
        minimum = self.unsigned(64)
        maximum = self.unsigned(64) if flags & 1 else None
        page = 1
        if paged:
            page = 1 << self.u32() if flags & 8 else PAGE
        return minimum * page, None if maximum is None else maximum * page

    def skip_expression(self) -> None:
        """Skip a constant expression with numbers, functions and globals."""
        while True:
            opcode = self.byte()
            if opcode == 0x0B:
                return
            if opcode in {0x41, 0x42, 0xD2, 0x23, 0xD0}:
                self.signed()
            elif opcode not in {0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E}:
                raise ValueError(f"the initial value of a table contains the unknown instruction {opcode:#x}")
