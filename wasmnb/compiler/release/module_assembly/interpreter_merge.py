"""Merging of the interpreter's module into the module that is being written."""

from __future__ import annotations

from collections.abc import Mapping

from ....parsing import leb128 as leb
from ....parsing.leb128 import Malformed, Reader
from ...wasm_binary.core_module import CoreModule
from ...wasm_binary.relocations import body_parts
from .writer import ModuleWriter

__all__ = ["merge"]


def merge(
    writer: ModuleWriter, guest: CoreModule, readers: Mapping[str, int], globals_: Mapping[str, int]
) -> dict[str, int]:
    """Add the functions of the interpreter's module to the module that is being written.

    Parameters
    ----------
    writer
        Module to which the functions are added.
    guest
        Module of the interpreter.
    readers
        Name of each function that the interpreter imports -> index in the writer.
    globals_
        Name of each global that the interpreter imports or exports -> index in the writer.

    Returns
    -------
    dict
        Name of each function that the interpreter exports -> index in the writer.
    """
    imported = [readers[i.name] for i in guest.imported("func")]
    first = writer.imported + len(writer.functions)
    functions = [*imported, *range(first, first + len(guest.functions))]
    types = [writer.type_number(t) for t in guest.types]
    names = {index: name for name, (kind, index) in guest.exports.items() if kind == "global"}
    imported_globals = [i.name for i in guest.imported("global")]
    numbers = [globals_[n] for n in imported_globals] + [
        globals_[names[len(imported_globals) + i]] for i in range(len(guest.globals))
    ]
    for kind, (start, end) in zip(guest.functions, guest.code, strict=True):
        head, parts = body_parts(guest.data, start, end)
        body = [part for run, last in parts for part in (run, _moved(last, functions, types, numbers))]
        writer.add_function(types[kind], b"".join((head, *body)))
    for elements in guest.elements:
        assert elements.offset is not None
        for slot, function in enumerate(elements.functions, elements.offset[0][1]):
            writer.own_slots[slot] = functions[function[0][1]]
    return {name: functions[index] for name, (kind, index) in guest.exports.items() if kind == "func"}


def _moved(instruction: bytes, functions: list[int], types: list[int], globals_: list[int]) -> bytes:
    """Return an instruction in which the index of a function, type or global is replaced by the writer's index."""
    if not instruction:
        return b""
    opcode, r = instruction[0], Reader(instruction, 1)
    match opcode:
        case 0x10 | 0x12:
            return instruction[:1] + leb.unsigned(functions[r.u32()])
        case 0x11 | 0x13:
            # In both modules, the first table is the module's own, and the second one the interpreter's.
            return instruction[:1] + leb.unsigned(types[r.u32()]) + leb.unsigned(r.u32())
        case 0x23 | 0x24:
            return instruction[:1] + leb.unsigned(globals_[r.u32()])
    raise Malformed(f"the interpreter has the instruction {opcode:#04x}")
