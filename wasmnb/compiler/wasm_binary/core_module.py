"""A parser for core modules, which reads the parts that are needed for linking, saving and inspecting.

It follows https://webassembly.github.io/spec/core/binary/modules.html. Function bodies and data aren't copied. They are stored
as ranges of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ...parsing.leb128 import CORE_MAGIC, VALUE_TYPES, Malformed, Reader

__all__ = ["SECTIONS", "ConstExpression", "CoreModule", "Elements", "Global", "Import", "Limits", "Segment"]

SECTIONS = (
    "custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data",
    "data count", "tag",
)  # fmt: skip

KINDS = ("func", "table", "memory", "global", "tag")

#: A constant expression as (operator, operand) in postfix order. The operator `raw` stands for an expression that isn't parsed.
ConstExpression = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Limits:
    """Minimum and maximum size of a memory (in pages of 64 KiB) or a table (in slots). `flags` is the byte in the binary
    format.
    """

    flags: int
    minimum: int
    maximum: int | None

    @property
    def shared(self) -> bool:
        """Whether the memory can be shared between threads."""
        return bool(self.flags & 0x02)

    @property
    def wide(self) -> bool:
        """Whether addresses or indexes have 64 bits."""
        return bool(self.flags & 0x04)


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
    _signatures: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes, start: int = 0, end: int | None = None) -> CoreModule:
        """Parse the module `data[start:end]`, by default all of `data`. Raises `Malformed` if it isn't a valid core module."""
        reader = Reader(data, start, end)
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
        return {kind: [i for i in self.imports if i.kind == kind] for kind in KINDS}

    def signature(self, type_index: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of the parameter types and result types of a function type."""
        if type_index not in self._signatures:  # thousands of exports can share a type with a thousand parameters
            self._signatures[type_index] = self._read_signature(type_index)
        return self._signatures[type_index]

    def _read_signature(self, type_index: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        r = Reader(self.types[type_index], 1)
        params, results = (r.vector(lambda: VALUE_TYPES.get(r.byte(), "reference")) for _ in range(2))
        return tuple(params), tuple(results)

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
        r = Reader(self.data, start, end)
        if number >= len(SECTIONS):
            raise Malformed(f"unknown section {number} at offset {start:#x}")
        title = SECTIONS[number]
        self.sections.append((f"custom {r.name()}" if number == 0 else title, start, end))
        read = _SECTION_READERS.get(title)
        if read is not None:
            read(self, r)
            if r.more:
                raise Malformed(f"the {title} section contains extra bytes at offset {r.at:#x}")

    def _read_types(self, r: Reader) -> None:
        for _ in range(r.u32()):
            self._read_type(r)

    def _read_type(self, r: Reader) -> None:
        start = r.at
        form = r.byte()
        if form == 0x4E:  # a group of types, which can refer to each other
            for _ in range(r.u32()):
                self._read_type(r)
            return
        while form in {0x50, 0x4F}:  # a subtype, with its supertypes followed by the type itself
            r.vector(r.u32)
            start, form = r.at, r.byte()
        if form == 0x60:
            r.vector(lambda: _skip_value_type(r))
            r.vector(lambda: _skip_value_type(r))
        elif form == 0x5F:
            r.vector(lambda: (_skip_value_type(r), r.byte()))
        elif form == 0x5E:
            _skip_value_type(r), r.byte()
        else:
            raise Malformed(f"unknown form of type {form:#x} at offset {start:#x}")
        self.types.append(r.data[start : r.at])

    def _read_imports(self, r: Reader) -> None:
        for _ in range(r.u32()):
            module, name, kind = r.name(), r.name(), _kind(r)
            self.imports.append(Import(module, name, kind, _import_type(r, kind)))

    def _read_functions(self, r: Reader) -> None:
        self.functions = r.vector(r.u32)

    def _read_tables(self, r: Reader) -> None:
        for _ in range(r.u32()):
            if r.data[r.at] == 0x40:  # a table with an initial value for its slots
                r.skip(2)
                self.tables.append(_table(r))
                _expression(r)
            else:
                self.tables.append(_table(r))

    def _read_memories(self, r: Reader) -> None:
        self.memories = r.vector(lambda: _limits(r))

    def _read_globals(self, r: Reader) -> None:
        self.globals = r.vector(lambda: Global(_skip_value_type(r), bool(r.byte()), _expression(r)))

    def _read_exports(self, r: Reader) -> None:
        for _ in range(r.u32()):
            name, kind = r.name(), _kind(r)
            if name in self.exports:
                raise Malformed(f"the module has two exports with the name {name!r}")
            self.exports[name] = (kind, r.u32())

    def _read_start(self, r: Reader) -> None:
        self.start = r.u32()

    def _read_elements(self, r: Reader) -> None:
        self.elements = r.vector(lambda: _elements(r))

    def _read_code(self, r: Reader) -> None:
        for _ in range(r.u32()):
            size = r.u32()
            start = r.skip(size)
            self.code.append((start, start + size))

    def _read_data(self, r: Reader) -> None:
        for _ in range(r.u32()):
            form = r.u32()
            if form == 2:
                r.u32()
            offset = None if form == 1 else _expression(r)
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


def _kind(r: Reader) -> str:
    number = r.byte()
    if number >= len(KINDS):
        raise Malformed(f"unknown kind of import or export {number:#x} at offset {r.at:#x}")
    return KINDS[number]


def _import_type(r: Reader, kind: str) -> int | Limits | bytes:
    match kind:
        case "func":
            return r.u32()
        case "table":
            return _table(r)
        case "memory":
            return _limits(r)
        case "global":
            start = r.at
            _skip_value_type(r)
            r.byte()
            return r.data[start : r.at]
        case _:
            r.byte()
            return r.u32()


def _limits(r: Reader) -> Limits:
    flags = r.byte()
    minimum = r.signed() if flags & 0x04 else r.u32()
    maximum = (r.signed() if flags & 0x04 else r.u32()) if flags & 0x01 else None
    if flags & 0x08:
        r.u32()
    return Limits(flags, minimum, maximum)


def _table(r: Reader) -> Limits:
    _skip_value_type(r)
    return _limits(r)


def _skip_value_type(r: Reader) -> int:
    first = r.byte()
    if first in {0x63, 0x64}:  # a reference to a type given by its index
        r.signed()
    return first


_PLAIN = {0x6A: "i32.add", 0x6B: "i32.sub", 0x6C: "i32.mul", 0x7C: "i64.add", 0x7D: "i64.sub", 0x7E: "i64.mul"}
_WITH_U32 = {0x23: "global.get", 0xD2: "ref.func"}


def _expression(r: Reader) -> ConstExpression:
    """Read a constant expression up to and including its end."""
    instructions: list[tuple[str, int]] = []
    while (code := r.byte()) != 0x0B:
        if code in _PLAIN:
            instructions.append((_PLAIN[code], 0))
        elif code in _WITH_U32:
            instructions.append((_WITH_U32[code], r.u32()))
        elif code == 0x41:
            instructions.append(("i32.const", r.signed()))
        elif code == 0x42:
            instructions.append(("i64.const", r.signed()))
        elif code in {0x43, 0x44}:
            size = 4 if code == 0x43 else 8
            instructions.append(("f32.const" if size == 4 else "f64.const", int.from_bytes(r.bytes(size), "little")))
        elif code == 0xD0:
            instructions.append(("ref.null", r.signed()))
        elif code == 0xFD and r.byte() == 0x0C:
            instructions.append(("v128.const", int.from_bytes(r.bytes(16), "little")))
        elif code == 0xFB:
            instructions.append(("gc", _skip_gc(r)))
        else:
            raise Malformed(
                f"a constant expression contains instruction {code:#x} at offset {r.at:#x}, which isn't allowed there"
            )
    return tuple(instructions)


def _skip_gc(r: Reader) -> int:
    code = r.u32()
    if code in {0x00, 0x01, 0x06, 0x07}:
        r.u32()
    elif code == 0x08:
        r.u32(), r.u32()
    return code


def _elements(r: Reader) -> Elements:
    """Read an element segment. Its form is a number whose lowest bits mean: not active, explicit table (or only declared), and
    expressions.
    """
    form = r.u32()
    if form > 7:
        raise Malformed(f"unknown element segment form {form} at offset {r.at:#x}")
    active = not form & 1
    table = r.u32() if active and form & 2 else 0
    offset = _expression(r) if active else None
    if form & 3:
        r.signed() if form & 4 else r.byte()
    functions = r.vector(lambda: _expression(r) if form & 4 else (("ref.func", r.u32()),))
    return Elements(table, offset, tuple(functions))
