"""A parser for core modules, which reads the parts that are needed for linking, saving and inspecting.

It follows https://webassembly.github.io/spec/core/binary/modules.html. Function bodies and data aren't copied. They are stored
as ranges of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ...parsing.leb128 import CORE_MAGIC, Malformed
from ...parsing.wasm_types import EXTERNAL_KINDS, ConstExpression, Limits, Signature, TypeReader

__all__ = ["SECTIONS", "CoreModule", "Elements", "Global", "Import", "Segment"]

SECTIONS = (
    "custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data",
    "data count", "tag",
)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """An import of a core module.

    `type` is the index of a type for functions and tags, `Limits` for tables and memories, and the encoded type for globals.
    """

    module: str
    name: str
    kind: str
    type: int | Limits | bytes


@dataclass(frozen=True)
class Global:
    """A global that a module defines, with its value type, mutability and initial value."""

    type: int
    mutable: bool
    value: ConstExpression


@dataclass(frozen=True)
class Elements:
    """Functions that are written to a table when a module starts. `offset` is None if they are written later or never."""

    table: int
    offset: ConstExpression | None
    functions: tuple[ConstExpression, ...]


@dataclass(frozen=True)
class Segment:
    """Bytes `data[start:end]` of the file, which are copied to memory at `offset`. If the offset is None, the bytes are copied
    on demand.
    """

    offset: ConstExpression | None
    start: int
    end: int


@dataclass
class CoreModule:
    """A parsed core module. In each index space, imports come before the module's own definitions."""

    data: bytes
    types: list[bytes] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[Limits] = field(default_factory=list)
    memories: list[Limits] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: dict[str, tuple[str, int]] = field(default_factory=dict)
    start: int | None = None
    elements: list[Elements] = field(default_factory=list)
    code: list[tuple[int, int]] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    #: Name, start and end of every section, in order. The name of a custom section is "custom NAME".
    sections: list[tuple[str, int, int]] = field(default_factory=list)
    _signatures: list[Signature | None] = field(default_factory=list)

    @classmethod
    def read(cls, data: bytes, start: int = 0, end: int | None = None) -> CoreModule:
        """Parse the module `data[start:end]`, by default all of `data`. Raises `Malformed` if it isn't a valid core module."""
        reader = TypeReader(data, start, end)
        if reader.end - start < 8 or reader.bytes(8) != CORE_MAGIC:
            raise Malformed(
                "the file isn't a core module, because its first eight bytes aren't 00 61 73 6d 01 00 00 00"
            )
        module = cls(data)
        for section in reader.sections():
            module._section(*section)
        if len(module.code) != len(module.functions):
            raise Malformed(
                f"the module declares {len(module.functions)} functions, but contains {len(module.code)} bodies"
            )
        return module

    def imported(self, kind: str) -> list[Import]:
        """Return the imports of one kind, in order. Their indexes of this kind begin with 0."""
        return self._imported[kind]

    @cached_property
    def _imported(self) -> dict[str, list[Import]]:
        return {kind: [i for i in self.imports if i.kind == kind] for kind in EXTERNAL_KINDS}

    def signature(self, type_index: int) -> Signature:
        """Return the names of the parameter types and result types of a function type."""
        signature = self._signatures[type_index] if type_index < len(self._signatures) else None
        if signature is None:
            raise Malformed(f"type {type_index} isn't a function type")
        return signature

    def function_type(self, index: int) -> int:
        """Return the index of the type of a function. `index` is the index of the function."""
        imported = self.imported("func")
        if index < len(imported):
            number = imported[index].type
            assert isinstance(number, int)
            return number
        if index - len(imported) >= len(self.functions):
            raise Malformed(f"the module refers to function {index}, which doesn't exist")
        return self.functions[index - len(imported)]

    # -- sections -------------------------------------------------------------------------------------------------

    def _section(self, number: int, start: int, end: int) -> None:
        r = TypeReader(self.data, start, end)
        if number >= len(SECTIONS):
            raise Malformed(f"unknown section {number} at offset {start:#x}")
        title = SECTIONS[number]
        self.sections.append((f"custom {r.name()}" if number == 0 else title, start, end))
        read = _SECTION_READERS.get(title)
        if read is not None:
            read(self, r)
            if r.more:
                raise Malformed(f"the {title} section contains extra bytes at offset {r.at:#x}")

    def _read_types(self, r: TypeReader) -> None:
        definitions = r.types()
        self.types = [d.encoded for d in definitions]
        self._signatures = [d.signature for d in definitions]

    def _read_imports(self, r: TypeReader) -> None:
        self.imports = r.vector(lambda: Import(*r.import_()))

    def _read_functions(self, r: TypeReader) -> None:
        self.functions = r.vector(r.u32)

    def _read_tables(self, r: TypeReader) -> None:
        self.tables = r.vector(r.defined_table)

    def _read_memories(self, r: TypeReader) -> None:
        self.memories = r.vector(r.memory)

    def _read_globals(self, r: TypeReader) -> None:
        self.globals = r.vector(lambda: _global(r))

    def _read_exports(self, r: TypeReader) -> None:
        for _ in range(r.u32()):
            name, kind, index = r.export()
            if name in self.exports:
                raise Malformed(f"the module has two exports with the name {name!r}")
            self.exports[name] = (kind, index)

    def _read_start(self, r: TypeReader) -> None:
        self.start = r.u32()

    def _read_elements(self, r: TypeReader) -> None:
        self.elements = r.vector(lambda: _elements(r))

    def _read_code(self, r: TypeReader) -> None:
        for _ in range(r.u32()):
            size = r.u32()
            start = r.skip(size)
            self.code.append((start, start + size))

    def _read_data(self, r: TypeReader) -> None:
        for _ in range(r.u32()):
            form = r.u32()
            if form == 2:
                r.u32()
            offset = None if form == 1 else r.expression()
            size = r.u32()
            start = r.skip(size)
            self.segments.append(Segment(offset, start, start + size))


_SECTION_READERS = {
    "type": CoreModule._read_types,
    "import": CoreModule._read_imports,
    "function": CoreModule._read_functions,
    "table": CoreModule._read_tables,
    "memory": CoreModule._read_memories,
    "global": CoreModule._read_globals,
    "export": CoreModule._read_exports,
    "start": CoreModule._read_start,
    "element": CoreModule._read_elements,
    "code": CoreModule._read_code,
    "data": CoreModule._read_data,
}


def _global(r: TypeReader) -> Global:
    first = r.peek()
    r.value_type()
    return Global(first, bool(r.byte()), r.expression())


def _elements(r: TypeReader) -> Elements:
    """Read an element segment. Its form is a number whose lowest bits mean: not active, explicit table (or only declared), and
    expressions.
    """
    form = r.u32()
    if form > 7:
        raise Malformed(f"unknown element segment form {form} at offset {r.at:#x}")
    active = not form & 1
    table = r.u32() if active and form & 2 else 0
    offset = r.expression() if active else None
    if form & 3:
        r.value_type() if form & 4 else r.byte()
    functions = r.vector(lambda: r.expression() if form & 4 else (("ref.func", r.u32()),))
    return Elements(table, offset, tuple(functions))
