"""A reader for components, which returns their core modules and the connections between them.

It follows https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md for the features that componentize-py
uses. Types are skipped, because the imports of core modules contain the signatures of lowered functions.

The definition of a core instance's export is an `ImportTarget`: an export of a core module's instance (`Ref`), a lowered
function that the component imports (`Lowered`), or a built-in of the component model (`Builtin`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...parsing.leb128 import Malformed, Reader

__all__ = ["COMPONENT_MAGIC", "Builtin", "Component", "CoreInstance", "ImportTarget", "Lift", "Lowered", "Ref"]

COMPONENT_MAGIC = b"\0asm\x0d\0\x01\0"

#: Code for the sort of a core definition, in an alias or an inline export -> kind.
_CORE_SORTS = {
    0x00: "func",
    0x01: "table",
    0x02: "memory",
    0x03: "global",
    0x10: "type",
    0x11: "module",
    0x12: "instance",
}
_SORTS = {0x01: "func", 0x02: "value", 0x03: "type", 0x04: "component", 0x05: "instance"}


@dataclass(frozen=True)
class Ref:
    """The export `name` of the core instance with index `instance`."""

    instance: int
    name: str


@dataclass(frozen=True)
class Lowered:
    """The function `name` of an interface that the component imports."""

    interface: str
    name: str


@dataclass(frozen=True)
class Builtin:
    """A built-in function of the component model, such as `resource.drop`."""

    name: str


ImportTarget = Ref | Lowered | Builtin


@dataclass(frozen=True)
class CoreInstance:
    """An instance of a core module with arguments (if `module` is set), or a bundle of renamed definitions (if `exports` is
    set).
    """

    module: int | None
    arguments: dict[str, int] = field(default_factory=dict)
    exports: dict[str, ImportTarget] = field(default_factory=dict)


@dataclass(frozen=True)
class Lift:
    """A function that the component exports, with its core function and its post-return function."""

    function: ImportTarget
    post_return: ImportTarget | None


#: Opcodes of canonical definitions of core functions -> name, and operands to skip: t type or index, o options, r result, f
#: flag.
_BUILTINS = {
    0x02: ("resource.new", "t"),
    0x03: ("resource.drop", "t"),
    0x04: ("resource.rep", "t"),
    0x07: ("resource.drop", "t"),
    0x05: ("task.cancel", ""),
    0x08: ("backpressure.set", ""),
    0x09: ("task.return", "ro"),
    0x0A: ("context.get", "vt"),
    0x0B: ("context.set", "vt"),
    0x0C: ("yield", "f"),
    0x0D: ("subtask.drop", ""),
    0x06: ("subtask.cancel", "f"),
    0x0E: ("stream.new", "t"),
    0x0F: ("stream.read", "to"),
    0x10: ("stream.write", "to"),
    0x11: ("stream.cancel-read", "tf"),
    0x12: ("stream.cancel-write", "tf"),
    0x13: ("stream.drop-readable", "t"),
    0x14: ("stream.drop-writable", "t"),
    0x15: ("future.new", "t"),
    0x16: ("future.read", "to"),
    0x17: ("future.write", "to"),
    0x18: ("future.cancel-read", "tf"),
    0x19: ("future.cancel-write", "tf"),
    0x1A: ("future.drop-readable", "t"),
    0x1B: ("future.drop-writable", "t"),
    0x1C: ("error-context.new", "o"),
    0x1D: ("error-context.debug-message", "o"),
    0x1E: ("error-context.drop", ""),
    0x1F: ("waitable-set.new", ""),
    0x20: ("waitable-set.wait", "ft"),
    0x21: ("waitable-set.poll", "ft"),
    0x22: ("waitable-set.drop", ""),
    0x23: ("waitable.join", ""),
}


class Component:
    """The contents of a component.

    Attributes
    ----------
    modules
        Start and end of each core module in `data`.
    instances
        Core instances, in order.
    exports
        Lifted functions by the names of their exports.
    """

    def __init__(self, data: bytes) -> None:
        if data[:8] != COMPONENT_MAGIC:
            raise Malformed("the file isn't a component, because its first eight bytes aren't 00 61 73 6d 0d 00 01 00")
        self.data = data
        self.modules: list[tuple[int, int]] = []
        self.instances: list[CoreInstance] = []
        self.exports: dict[str, Lift] = {}
        self._core: dict[str, list[ImportTarget]] = {sort: [] for sort in ("func", "table", "memory", "global")}
        self._functions: list[Lowered | Lift] = []
        self._interfaces: list[str] = []
        try:
            self._read(Reader(data, 8))
        except (IndexError, KeyError) as error:
            raise Malformed(f"the component refers to a missing definition ({error})") from None

    def _read(self, reader: Reader) -> None:
        readers = {
            1: self._module, 2: self._core_instances, 4: None, 5: self._instances, 6: self._aliases, 8: self._canons,
            10: self._imports, 11: self._exports,
        }  # fmt: skip
        for number, start, end in reader.sections():
            read = readers.get(number)
            if read is not None:
                read(Reader(self.data, start, end))

    def _module(self, r: Reader) -> None:
        self.modules.append((r.at, r.end))

    def _core_instances(self, r: Reader) -> None:
        r.vector(lambda: self.instances.append(self._core_instance(r)))

    def _core_instance(self, r: Reader) -> CoreInstance:
        if r.byte() == 0x00:
            module = r.u32()
            return CoreInstance(module, dict(r.vector(lambda: (r.name(), self._instance_argument(r)))))
        bundle: dict[str, ImportTarget] = {}
        for _ in range(r.u32()):
            name, sort, index = r.name(), _CORE_SORTS[r.byte()], r.u32()
            bundle[name] = self._core[sort][index]
        return CoreInstance(None, exports=bundle)

    @staticmethod
    def _instance_argument(r: Reader) -> int:
        if r.byte() != 0x12:
            raise Malformed(f"an argument of a core instance isn't an instance, at offset {r.at:#x}")
        return r.u32()

    def _instances(self, r: Reader) -> None:
        for _ in range(r.u32()):
            self._interfaces.append("")
            if r.byte() == 0x00:
                r.u32()
                r.vector(lambda: (r.name(), self._sort_index(r)))
            else:
                r.vector(lambda: (r.byte(), r.name(), self._sort_index(r)))

    @staticmethod
    def _sort_index(r: Reader) -> tuple[str, int]:
        byte = r.byte()
        sort = "core " + _CORE_SORTS[r.byte()] if byte == 0 else _SORTS[byte]
        return sort, r.u32()

    def _aliases(self, r: Reader) -> None:
        for _ in range(r.u32()):
            byte = r.byte()
            sort = "core " + _CORE_SORTS[r.byte()] if byte == 0 else _SORTS[byte]
            self._alias(r, sort)

    def _alias(self, r: Reader, sort: str) -> None:
        match r.byte():
            case 0x00:
                instance, name = r.u32(), r.name()
                if sort == "func":
                    self._functions.append(Lowered(self._interfaces[instance], name))
                elif sort == "instance":
                    self._interfaces.append(name)
            case 0x01:
                self._core[sort.removeprefix("core ")].append(Ref(r.u32(), r.name()))
            case _:
                r.u32(), r.u32()

    def _canons(self, r: Reader) -> None:
        for _ in range(r.u32()):
            code = r.byte()
            if code == 0x00:
                r.byte()
                function, options = self._core["func"][r.u32()], self._options(r)
                r.u32()
                self._functions.append(Lift(function, options.get("post-return")))
            elif code == 0x01:
                r.byte()
                lowered = self._functions[r.u32()]
                self._options(r)
                if not isinstance(lowered, Lowered):
                    raise Malformed("the component lowers a lifted function")
                self._core["func"].append(lowered)
            else:
                self._builtin(r, code)

    def _options(self, r: Reader) -> dict[str, ImportTarget]:
        options: dict[str, ImportTarget] = {}
        for _ in range(r.u32()):
            code = r.byte()
            if code in {0x03, 0x04, 0x05, 0x07}:
                index = r.u32()
                if code == 0x05:
                    options["post-return"] = self._core["func"][index]
            elif code > 0x07:
                raise Malformed(f"unknown canonical option {code:#x} at offset {r.at:#x}")
        return options

    def _builtin(self, r: Reader, code: int) -> None:
        if code not in _BUILTINS:
            raise Malformed(f"unknown canonical function {code:#x} at offset {r.at:#x}")
        name, operands = _BUILTINS[code]
        for operand in operands:
            match operand:
                case "o":
                    self._options(r)
                case "r":
                    if r.byte() == 0x00:
                        r.signed()
                    else:
                        r.byte()
                case "t" | "v":
                    r.signed()
                case _:
                    r.byte()
        self._core["func"].append(Builtin(name))

    def _imports(self, r: Reader) -> None:
        for _ in range(r.u32()):
            r.byte()
            name, kind = r.name(), r.byte()
            self._description(r, kind)
            if kind == 0x01:
                self._functions.append(Lowered("", name))
            elif kind == 0x05:
                self._interfaces.append(name)

    @staticmethod
    def _description(r: Reader, kind: int) -> None:
        """Skip the rest of an `externdesc` after its kind byte."""
        if kind == 0x00:
            r.byte(), r.u32()
        elif kind == 0x03:
            if r.byte() == 0x00:
                r.u32()
        elif kind == 0x02:
            raise Malformed("the component imports values, which the linker doesn't support")
        else:
            r.u32()

    def _exports(self, r: Reader) -> None:
        for _ in range(r.u32()):
            r.byte()
            name = r.name()
            sort, index = self._sort_index(r)
            if r.byte():
                self._description(r, r.byte())
            if sort == "func":
                function = self._functions[index]
                if isinstance(function, Lift):
                    self.exports[name] = function
                self._functions.append(function)
            elif sort == "instance":
                self._interfaces.append(name)
