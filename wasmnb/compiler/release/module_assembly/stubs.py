"""Stubs, which are functions through which compiled code enters the interpreter. Functions of the same type share a stub.

A stub writes its parameters into a frame of the interpreter, runs the interpreter, and returns the result from the frame.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....parsing import leb128 as leb
from ....parsing.leb128 import NUMBER_TYPES, Reader
from ...wasm_binary.core_module import CoreModule
from .carved_function import Exit
from .writer import ModuleWriter

__all__ = ["Stubs", "function_types"]

#: Type of a value -> opcode and alignment of the instruction that stores or loads it.
_STORE = {0x7F: b"\x36\x02", 0x7E: b"\x37\x03", 0x7D: b"\x38\x02", 0x7C: b"\x39\x03"}
_LOAD = {0x7F: b"\x28\x02", 0x7E: b"\x29\x03", 0x7D: b"\x2a\x02", 0x7C: b"\x2b\x03"}

#: Types of an exit's arguments after the locals: offset of the code, offset of the link, and bits of the passed locals.
_EXIT = b"\x7f\x7f\x7e"

#: Number of locals that have a bit in the word of passed locals. In functions with more locals, the exit itself writes them.
_MOST_LOCALS = 64


class Stubs:
    """The stubs of a split module.

    Parameters
    ----------
    module
        Module that is split.
    writer
        Module to which the stubs are added.
    first
        Index of the first stub.
    stack, called_slot
        Indexes of the interpreter's globals with these names.
    names
        Name of each function of the interpreter -> index.
    """

    def __init__(
        self,
        module: CoreModule,
        writer: ModuleWriter,
        first: int,
        stack: int,
        called_slot: int,
        names: Mapping[str, int],
    ) -> None:
        self._types = module.types
        self._writer = writer
        self._first = first
        self._stack = leb.unsigned(stack)
        self._called_slot = leb.unsigned(called_slot)
        self._run, self._run_slot, self._resume = (leb.unsigned(names[n]) for n in ("run", "run-slot", "resume"))
        self._functions: list[tuple[int, bytes]] = []
        self._numbers: dict[tuple[bytes, bytes, bytes], int] = {}

    def write(self) -> None:
        """Add the stubs to the module that is being written."""
        for kind, body in self._functions:
            self._writer.add_function(kind, body)

    def direct(self, kind: int) -> int:
        """Return the stub for direct calls of interpreted functions of a type. Its last parameter is the offset
        of their code.
        """
        params, results = function_types(self._types[kind])
        return self._stub(self._run, params, b"\x7f", results)

    def slot(self, kind: int) -> int:
        """Return the stub that replaces interpreted functions of a type in the table."""
        params, results = function_types(self._types[kind])
        return self._stub(self._run_slot, params, b"", results, b"\x23" + self._called_slot)

    def exit(self, place: Exit, link: int, locals_: bytes, results: bytes) -> bytes:
        """Return the instructions of an exit, which is a tail call of a stub with the live locals.

        Parameters
        ----------
        place
            Exit to write.
        link
            Offset of the link in the function's frame.
        locals_, results
            Types of all locals and of the results of the function.
        """
        if len(locals_) > _MOST_LOCALS:
            before = b"".join(self._spill(n, locals_[n], b"\x23" + self._stack) for n in place.live)
            passed: tuple[int, ...] = ()
        else:
            before, passed = b"", place.live
        kinds = bytes(locals_[n] for n in passed)
        stub = self._stub(self._resume, kinds, _EXIT, results)
        mask = sum(1 << n for n in passed)
        return b"".join(
            (
                before,
                *(b"\x20" + leb.unsigned(n) for n in passed),
                b"\x41" + leb.signed(place.point),
                b"\x41" + leb.signed(link),
                b"\x42" + leb.signed(mask - (mask >> 63 << 64)),
                b"\x12" + leb.unsigned(stub),
            )
        )

    def _stub(self, function: bytes, params: bytes, passed: bytes, results: bytes, first: bytes = b"") -> int:
        """Return a stub that writes `params` into a frame, and then calls a function of the interpreter with `first` and
        `passed`.
        """
        key = function, params, results
        if key not in self._numbers:
            places = range(len(params), len(params) + len(passed))
            arguments = first + b"".join(b"\x20" + leb.unsigned(n) for n in places)
            body = self._enter(params, results, len(passed), arguments, function)
            self._numbers[key] = self._first + len(self._functions)
            self._functions.append((self._type(params + passed, results), body))
        return self._numbers[key]

    def _type(self, params: bytes, results: bytes) -> int:
        encoded = b"\x60" + leb.unsigned(len(params)) + params + leb.unsigned(len(results)) + results
        return self._writer.type_number(encoded)

    def _enter(self, params: bytes, results: bytes, extra: int, arguments: bytes, function: bytes) -> bytes:
        """Return the body of a stub.

        Parameters
        ----------
        params, results
            Types of the parameters that the stub writes into the frame, and types of its results.
        extra
            Number of additional parameters.
        arguments
            Instructions that push the arguments of the interpreter's function. The frame is added as the last argument.
        function
            Encoded index of the interpreter's function.
        """
        frame = b"\x20" + leb.unsigned(len(params) + extra)
        head = b"\x01\x01\x7f\x23" + self._stack + b"\x21" + frame[1:]
        spill = b"".join(self._spill(n, kind, frame) for n, kind in enumerate(params))
        free = frame + b"\x24" + self._stack
        result = b"".join(frame + _LOAD[kind] + b"\0" for kind in results)
        return head + spill + arguments + frame + b"\x10" + function + free + result + b"\x0b"

    def _spill(self, local: int, kind: int, frame: bytes) -> bytes:
        """Return instructions that write a local to its place in a frame. `frame` is the instruction that reads the frame's
        address.
        """
        return frame + b"\x20" + leb.unsigned(local) + _STORE[kind] + leb.unsigned(8 * local)


def function_types(encoded: bytes) -> tuple[bytes, bytes]:
    """Return the types of a function type's parameters and results. `encoded` is the encoded type."""
    r = Reader(encoded, 1)
    params = r.bytes(r.u32())
    return params, r.bytes(r.u32())


assert set(_STORE) == set(_LOAD) == set(NUMBER_TYPES)
