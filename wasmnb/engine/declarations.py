"""Declarations of a module (imports, exports, memories and tables), read from its bytes.

If wasmtime's C API is asked for a type that it can't express (a vector or a typed reference), it aborts the process. Its time
is also quadratic in the number of exports. For these reasons, this module reads the sections that it needs itself, in one
pass. wasmtime has already validated the module, so anything unexpected is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .._display import short
from ..errors import ModuleError
from ..parsing.leb128 import CORE_MAGIC, Reader, section
from ..parsing.wasm_types import Limits, Signature, TypeDefinition, TypeReader

__all__ = [
    "ELEMENT",
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

#: Size of a table element in bytes.
ELEMENT = 8

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
    _types: list[TypeDefinition] = field(default_factory=list)

    @classmethod
    def read(cls, wasm: bytes) -> Declarations:
        """Read the declarations of a valid module, or of the bytes returned by `declaring_sections`.

        Raises
        ------
        ModuleError
            A section contains something that wasmnb can't read.
        """
        declared = cls()
        parts: dict[int, Callable[[TypeReader], None]] = {
            _TYPE: lambda r: declared._types.extend(r.types()),
            _IMPORT: lambda r: declared.imports.extend(r.vector(lambda: declared._import(r))),
            _FUNCTION: lambda r: declared._functions.extend(_numbers(r)),
            _TABLE: lambda r: declared.tables.extend(map(_table, r.vector(r.defined_table))),
            _MEMORY: lambda r: declared.memories.extend(map(_memory, r.vector(r.memory))),
            _EXPORT: lambda r: declared.exports.extend(r.vector(lambda: declared._export(r))),
        }
        try:
            for number, start, end in list(_sections(wasm)):  # a list, so that the whole file is checked first
                if number in parts:
                    parts[number](TypeReader(wasm, start, end))
        except (IndexError, ValueError) as error:
            raise ModuleError(f"wasmnb can't read the module's declarations: {error}") from None
        declared.has_objects = any(definition.has_objects for definition in declared._types)
        return declared

    def _import(self, r: TypeReader) -> ImportType:
        module, name, kind, type_ = r.import_()
        if isinstance(type_, Limits):
            sizes, size = (self.tables, _table(type_)) if kind == "table" else (self.memories, _memory(type_))
            sizes.append(size)
        if kind != "func" or not isinstance(type_, int):
            return ImportType(module, name, kind)
        self._functions.append(type_)
        return ImportType(module, name, kind, *self._signature(type_))

    def _export(self, r: TypeReader) -> ExportType:
        name, kind, index = r.export()
        return ExportType(name, kind, *(self._signature(self._functions[index]) if kind == "func" else ()))

    def _signature(self, number: int) -> Signature:
        return self._types[number].signature or _NO_SIGNATURE


def declaring_sections(wasm: bytes) -> bytes:
    """Return a valid module with only the sections that `Declarations.read` needs."""
    return CORE_MAGIC + b"".join(
        section(number, wasm[start:end]) for number, start, end in _sections(wasm) if number in _DECLARING
    )


def _sections(wasm: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the number, start and end of every section."""
    return Reader(wasm, len(CORE_MAGIC)).sections()


def _memory(limits: Limits) -> SizeLimits:
    return _size(limits, limits.page)


def _table(limits: Limits) -> SizeLimits:
    return _size(limits, ELEMENT)


def _size(limits: Limits, unit: int) -> SizeLimits:
    maximum = None if limits.maximum is None else limits.maximum * unit
    return SizeLimits(limits.minimum * unit, maximum, limits.element)


def _numbers(r: Reader) -> Sequence[int]:
    """Read the vector of numbers at the end of a section.

    In most modules, each number is encoded as one byte. These bytes are returned without decoding.
    """
    count = r.u32()
    plain = r.data[r.at : r.end]
    return plain if plain.isascii() else [r.u32() for _ in range(count)]
