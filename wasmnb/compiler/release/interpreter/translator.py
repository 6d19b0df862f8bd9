"""Translates the body of a function to the interpreter's operations.

A value on WebAssembly's operand stack has a fixed place in the frame, its *home*. While translating, a value that is a
constant or a local's content stays where it is until somebody needs it at home: at a call, a branch, or when the local
changes. Between two such places nothing is moved.

A *point* is the start of a basic block at which the operand stack is empty: there everything that the function knows is in
its locals, so that compiled code can hand over to the interpreter.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....formats.leb128 import Reader
from .opcodes import COMPARISONS, IMMEDIATE, LOADS, NUMERIC, SATURATING, STORES
from .operations import VALUE, Operations, constant_word, word

__all__ = ["Translation", "Translator", "Unsupported"]

#: What is on the translator's stack: the place of a value in the frame, or a constant (64 bits wide?, value).
Entry = int | tuple[bool, int]

#: Bytes of a frame's largest offset, and operations of the longest branch.
_MOST_BYTES, _MOST_OPERATIONS = 0xFFF8, 0x7FFF

_EMPTY = 0x40


class Unsupported(ValueError):
    """The function has something that the interpreter does not do: it has to stay compiled."""


@dataclass
class Translation:
    """A translated function.

    Attributes
    ----------
    code
        Its operations.
    parameters, link
        Offset in the frame behind the parameters, and of the link behind the locals.
    points
        Offset in the body -> number of the operation at which the function can be entered there.
    callees
        Functions that it calls directly.
    """

    code: array[int]
    parameters: int
    link: int
    points: dict[int, int]
    callees: set[int]


@dataclass
class _Label:
    """A block that is open: `patches` are the places that branch to its end."""

    kind: str
    arity: int
    height: int
    start: int
    otherwise: int = -1  # the branch around an if's first arm
    patches: list[tuple[int, int, int]] = field(default_factory=list)


class Translator:
    """Translates the functions of one module.

    Parameters
    ----------
    operations
        The module's operations.
    signatures
        Types -> (number of parameters, number of results).
    function_types
        Functions, imported ones first -> their types.
    """

    def __init__(
        self, operations: Operations, signatures: Sequence[tuple[int, int]], function_types: Sequence[int]
    ) -> None:
        self.numbers = operations.numbers
        self._names = operations.names
        self.signatures = signatures
        self.function_types = function_types
        self._decoded: dict[bytes, tuple[Callable[..., None], tuple[Any, ...]]] = {}

    def translate(self, function_type: int, local_count: int, offset: int, body: Sequence[bytes]) -> Translation:
        """Translate a function.

        Parameters
        ----------
        function_type
            Number of its type.
        local_count
            Number of its locals, parameters left out.
        offset
            Where its first instruction is, counted from the start of the body.
        body
            Its instructions.

        Raises
        ------
        Unsupported
            It cannot be interpreted.
        """
        params, results = self.signatures[function_type]
        if results > 1:
            raise Unsupported("several results")
        self.code: list[int] = []
        self.stack: list[Entry] = []
        self.link = (params + local_count) * VALUE
        self.first = self.link + VALUE
        self.deepest = 0
        self.last = -1  # number of the operation whose result may still be sent elsewhere
        self.dead = False
        self.skipped = 0  # blocks that are open inside dead code
        self.labels = [_Label("function", results, 0, 0)]
        self.points: dict[int, int] = {}
        self.callees: set[int] = set()
        self._run(offset, body)
        if len(self.code) > _MOST_OPERATIONS or self.first + (self.deepest + 2) * VALUE > _MOST_BYTES:
            raise Unsupported("too large")
        return Translation(array("Q", self.code), params * VALUE, self.link, self.points, self.callees)

    def _run(self, offset: int, body: Sequence[bytes]) -> None:
        decoded, stack = self._decoded, self.stack
        self.points[offset] = 0
        for instruction in body:
            offset += len(instruction)
            if self.dead:
                if self._skip(instruction[0]):
                    self._point(offset)
                continue
            found = decoded.get(instruction)
            if found is None:
                found = decoded[instruction] = self._decode(instruction)
            found[0](*found[1])
            if instruction[0] in _STARTS_BLOCK:
                self._point(offset)
            elif len(stack) > self.deepest:
                self.deepest = len(stack)

    def _point(self, offset: int) -> None:
        """A basic block starts."""
        self.last = -1
        if not self.stack and not self.dead:
            self.points[offset] = len(self.code)

    def _skip(self, opcode: int) -> bool:
        """Go over an instruction that is never reached; True if what follows may be."""
        if opcode in {0x02, 0x03, 0x04}:
            self.skipped += 1
        elif opcode == 0x0B and self.skipped:
            self.skipped -= 1
        elif opcode == 0x0B:
            self._end()
            return True
        elif opcode == 0x05 and not self.skipped:
            self._else()
            return True
        return False

    # -- places -----------------------------------------------------------------------------------------------------

    def _home(self, index: int) -> int:
        return self.first + index * VALUE

    def _emit(self, name: str, d: int = 0, a: int = 0, b: int = 0) -> None:
        self.code.append(word(self.numbers[name], d, a, b))

    def _constant(self, name: str, d: int, constant: int) -> None:
        self.code.append(constant_word(self.numbers[name], d, constant))

    def _put(self, entry: Entry, place: int) -> None:
        """Have a value in a place."""
        if isinstance(entry, int):
            if entry != place:
                self._emit("move", place, entry)
        elif not entry[0]:
            self._constant("const32", place, entry[1])
        elif -0x80000000 <= entry[1] < 0x80000000:
            self._constant("const64s", place, entry[1])
        else:
            self._emit("const64", place)
            self.code.append(entry[1] & 0xFFFFFFFFFFFFFFFF)

    def _settle(self, index: int) -> None:
        """Have the value at an index of the stack at home."""
        home = self._home(index)
        entry = self.stack[index]
        if entry != home:
            self._put(entry, home)
            self.stack[index] = home
            self.last = -1

    def _settle_all(self, first: int = 0) -> None:
        for index in range(first, len(self.stack)):
            self._settle(index)

    def _pop(self) -> int:
        """Take a value off the stack; gives its place."""
        entry = self.stack.pop()
        if isinstance(entry, int):
            return entry
        home = self._home(len(self.stack))
        self._put(entry, home)
        return home

    def _push(self, name: str, a: int = 0, b: int = 0) -> None:
        """Emit an operation that gives a value."""
        home = self._home(len(self.stack))
        self.last = len(self.code)
        self.code.append(word(self.numbers[name], home, a, b))
        self.stack.append(home)

    # -- values -----------------------------------------------------------------------------------------------------

    def _local_get(self, place: int) -> None:
        self.stack.append(place)

    def _literal(self, entry: Entry) -> None:
        self.stack.append(entry)

    def _local_set(self, place: int) -> None:
        stack = self.stack
        entry = stack.pop()
        if place in stack:  # somebody still wants what the local had
            kept = [i for i, other in enumerate(stack) if other == place]
            if entry == self._home(len(stack)) and self.last == len(self.code) - 1:
                self.last = -1
            for index in kept:
                self._settle(index)
        last = self.last
        if entry != place and last >= 0 and last == len(self.code) - 1 and entry == self._home(len(stack)):
            self.code[last] = self.code[last] & ~0xFFFF0000 | place << 16
        elif entry != place:
            self._put(entry, place)
        self.last = -1

    def _local_tee(self, place: int) -> None:
        entry = self.stack[-1]
        self._local_set(place)
        self.stack.append(place if isinstance(entry, int) else entry)

    def _drop(self) -> None:
        self.stack.pop()

    def _select(self, *_: int) -> None:
        condition, second, first = self._pop_three()
        self._push("select", first, second)
        self.code.append(condition)
        self.last = -1

    def _pop_three(self) -> tuple[int, int, int]:
        """Three values, the last first."""
        return self._pop(), self._pop(), self._pop()

    def _unary(self, name: str) -> None:
        self._push(name, self._pop())

    def _binary(self, name: str) -> None:
        stack = self.stack
        second = stack[-1]
        if not isinstance(second, int) and name in IMMEDIATE:
            first, constant = stack[-2], _signed(second[1])
            if not isinstance(first, int) and name == "i32.add":  # the linker leaves such sums
                stack[-2:] = [(False, first[1] + second[1] & 0xFFFFFFFF)]
                return
            if -0x8000 <= constant < 0x8000:
                stack.pop()
                self._push(f"{name}#", self._pop(), constant & 0xFFFF)
                return
        b = self._pop()
        self._push(name, self._pop(), b)

    def _move(self) -> None:
        """Reinterpret bits: the value stays where it is."""

    def _global_get(self, index: int) -> None:
        self._push(f"global.get {index}")

    def _global_set(self, index: int) -> None:
        self._emit(f"global.set {index}", 0, self._pop())

    # -- memory -----------------------------------------------------------------------------------------------------

    def _address(self, index: int, offset: int) -> tuple[int, int]:
        """Place of an address, and what to add to it; `index` is that of its home."""
        place = self._pop()
        if offset <= 0xFFFF:
            return place, offset
        self._emit("address", self._home(index), place)
        self.code.append(offset)
        return self._home(index), 0

    def _load(self, name: str, offset: int) -> None:
        self._push(name, *self._address(len(self.stack) - 1, offset))

    def _store(self, name: str, offset: int) -> None:
        value = self._pop()
        self.deepest = max(self.deepest, len(self.stack) + 2)
        self._emit(name, value, *self._address(len(self.stack) + 1, offset))

    def _memory_size(self) -> None:
        self._push("memory.size")

    def _memory_grow(self) -> None:
        self._push("memory.grow", self._pop())

    def _memory_bulk(self, name: str) -> None:
        count, value, target = self._pop_three()
        self._emit(name, target, value, count)

    # -- control ----------------------------------------------------------------------------------------------------

    def _unreachable(self) -> None:
        self._emit("unreachable")
        self.dead = True

    def _block(self, kind: str, arity: int) -> None:
        condition = self._pop() if kind == "if" else 0
        self._settle_all()
        label = _Label(kind, arity, len(self.stack), len(self.code))
        if kind == "if":
            label.otherwise = len(self.code)
            self._constant("br_unless", condition, 0)
        self.labels.append(label)
        self.last = -1

    def _else(self) -> None:
        label = self.labels[-1]
        if not self.dead:
            self._settle_result(label)
            self._branch(label)
        self._patch(label.otherwise, 32, label.otherwise)
        label.otherwise = -1
        del self.stack[label.height :]
        self.dead = False

    def _end(self) -> None:
        label = self.labels[-1]
        if label.kind == "function":
            if not self.dead:
                self._return()
            self.dead = True
            return
        self.labels.pop()
        if not self.dead and label.arity:
            self._settle(len(self.stack) - 1)
        if label.otherwise >= 0:
            self._patch(label.otherwise, 32, label.otherwise)
        for at, shift, base in label.patches:
            self._patch(at, shift, base)
        reached = not self.dead or label.otherwise >= 0 or label.patches
        del self.stack[label.height :]
        if label.arity:
            self.stack.append(self._home(label.height))
        self.dead = not reached
        self.last = -1

    def _patch(self, at: int, shift: int, base: int) -> None:
        """Let the branch at an operation end here; `shift` says which bits hold the distance, `base` where it counts from."""
        distance = len(self.code) - base
        if shift == 48:
            self.code[at] |= (distance & 0xFFFF) << 48
        else:
            self.code[at] |= (distance * VALUE & 0xFFFFFFFF) << shift

    def _aim(self, label: _Label, at: int, shift: int, base: int) -> None:
        """Let the branch at an operation lead to a label."""
        if label.kind != "loop":
            label.patches.append((at, shift, base))
            return
        distance = label.start - base
        self.code[at] |= (distance & 0xFFFF) << 48 if shift == 48 else (distance * VALUE & 0xFFFFFFFF) << shift

    def _branch(self, label: _Label) -> None:
        at = len(self.code)
        self._constant("br", 0, 0)
        self._aim(label, at, 32, at)

    def _settle_result(self, label: _Label) -> None:
        """Have a block's result, if it has one, where the code behind the block looks for it."""
        if label.arity and label.kind != "loop":
            self._put(self.stack[-1], self._home(label.height))

    def _leave(self, depth: int) -> None:
        """Branch, with the result."""
        label = self.labels[-1 - depth]
        if label.kind == "function":
            self._return()
            return
        self._settle_result(label)
        self._branch(label)

    def _br(self, depth: int) -> None:
        self._leave(depth)
        self.dead = True

    def _br_if(self, depth: int) -> None:
        label = self.labels[-1 - depth]
        simple = label.kind == "loop" or (
            label.kind != "function" and (not label.arity or self.stack[-2] == self._home(label.height))
        )
        if simple:
            self._aim(label, *self._condition(when=True))
            return
        around = self._condition(when=False)
        self._leave(depth)
        self._patch(*around)

    def _condition(self, *, when: bool) -> tuple[int, int, int]:
        """Emit a branch that is taken if the value on top is not zero (`when`) or is; gives what `_aim` wants."""
        entry = self.stack[-1]
        last = self.last
        if last >= 0 and last == len(self.code) - 1 and entry == self._home(len(self.stack) - 1):
            fused = self._fused(self.code[last], when=when)
            if fused is not None:
                self.stack.pop()
                self.code[last], shift = fused
                self.last = -1
                return last, shift, last
        place = self._pop()
        at = len(self.code)
        self._constant("br_if" if when else "br_unless", place, 0)
        return at, 32, at

    def _fused(self, operation: int, *, when: bool) -> tuple[int, int] | None:
        """One operation for the comparison `operation` and the branch behind it, and where its distance goes."""
        name = self._names[operation & 0xFFFF]
        a, b = operation >> 32 & 0xFFFF, operation >> 48
        if name == "i32.eqz":
            return constant_word(self.numbers["br_unless" if when else "br_if"], a, 0), 32
        plain = name.removesuffix("#")
        if plain not in COMPARISONS:
            return None
        chosen = plain if when else COMPARISONS[plain]
        return word(self.numbers[f"br.{chosen}{name[len(plain) :]}"], a, b), 48

    def _br_table(self, *depths: int) -> None:
        index = self._pop()
        table = len(self.code)
        self._constant("br_table", index, len(depths) - 1)
        self.code += [0] * ((len(depths) + 1) // 2)
        landings: dict[int, list[tuple[int, int]]] = {}
        for number, depth in enumerate(depths):
            label = self.labels[-1 - depth]
            at, shift = table + 1 + number // 2, 32 * (number % 2)
            if label.kind == "function" or (label.arity and label.kind != "loop"):
                landings.setdefault(depth, []).append((at, shift))
            else:
                self._aim(label, at, shift, table)
        for depth, places in landings.items():
            for at, shift in places:
                self._patch(at, shift, table)
            self._leave(depth)
        self.dead = True

    def _return(self) -> None:
        if self.labels[0].arity:
            entry = self.stack[-1]
            if not isinstance(entry, int):
                self._put(entry, self._home(len(self.stack) - 1))
                entry = self._home(len(self.stack) - 1)
            self._emit("return", self.link, entry)
        else:
            self._emit("return_void", self.link)

    def _return_here(self) -> None:
        self._return()
        self.dead = True

    def _call(self, function: int) -> None:
        self.callees.add(function)
        function_type = self.function_types[function]
        base = self._arguments(function_type)
        self._constant(f"call {function_type}", base, function)
        self._result(function_type, base)

    def _call_indirect(self, function_type: int, table: int) -> None:
        if table:
            raise Unsupported("a second table")
        slot = self._pop()
        base = self._arguments(function_type)
        self._emit(f"call_indirect {function_type}", base, slot)
        self._result(function_type, base)

    def _arguments(self, function_type: int) -> int:
        """Have a call's arguments at home, and take them; gives where the callee's frame starts."""
        count, results = self.signatures[function_type]
        if results > 1:
            raise Unsupported("several results")
        first = len(self.stack) - count
        self._settle_all(first)
        del self.stack[first:]
        return self._home(first)

    def _result(self, function_type: int, base: int) -> None:
        self.last = -1
        if self.signatures[function_type][1]:
            self.stack.append(base)

    # -- decoding ---------------------------------------------------------------------------------------------------

    def _decode(self, instruction: bytes) -> tuple[Callable[..., None], tuple[Any, ...]]:
        """The method for an instruction, and its arguments."""
        opcode = instruction[0]
        r = Reader(instruction, 1)
        if opcode in NUMERIC:
            numeric = NUMERIC[opcode]
            if "reinterpret" in numeric.name:
                return self._move, ()
            return (self._unary if len(numeric.params) == 1 else self._binary), (numeric.name,)
        if opcode in LOADS or opcode in STORES:
            r.u32()
            return (
                (self._load, (LOADS[opcode][0], r.u32()))
                if opcode in LOADS
                else (self._store, (STORES[opcode][0], r.u32()))
            )
        if opcode in _BLOCKS:
            return self._block, (_BLOCKS[opcode], _arity(instruction))
        read = _OPERANDS.get(opcode)
        if read is not None:
            name, operands = read
            return getattr(self, name), tuple(operands(r))
        if opcode == 0xFC:
            return self._decode_prefixed(r.u32())
        raise Unsupported(f"instruction {opcode:#04x}")

    def _decode_prefixed(self, number: int) -> tuple[Callable[..., None], tuple[Any, ...]]:
        if number in SATURATING:
            return self._unary, (SATURATING[number].name,)
        if number in _BULK:
            return self._memory_bulk, (_BULK[number],)
        raise Unsupported(f"instruction 0xfc {number}")


def _signed(value: int) -> int:
    return (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def _arity(instruction: bytes) -> int:
    """Number of a block's results."""
    kind = instruction[1]
    if len(instruction) != 2 or kind < _EMPTY:
        raise Unsupported("a block with parameters")
    return int(kind != _EMPTY)


def _none(_r: Reader) -> tuple[()]:
    return ()


def _index(r: Reader) -> tuple[int]:
    return (r.u32(),)


def _place(r: Reader) -> tuple[int]:
    place = r.u32() * VALUE
    if place > _MOST_BYTES:
        raise Unsupported("too many locals")
    return (place,)


def _depths(r: Reader) -> list[int]:
    return [r.u32() for _ in range(r.u32() + 1)]


#: Instructions behind which a basic block starts: loop, if, else, end, br_if.
_STARTS_BLOCK = frozenset({0x03, 0x04, 0x05, 0x0B, 0x0D})

_BLOCKS: Mapping[int, str] = {0x02: "block", 0x03: "loop", 0x04: "if"}

_BULK = {10: "memory.copy", 11: "memory.fill"}

#: Opcode -> (method, what reads its operands).
_OPERANDS: Mapping[int, tuple[str, Callable[[Reader], Sequence[Any]]]] = {
    0x00: ("_unreachable", _none),
    0x01: ("_move", _none),
    0x05: ("_else", _none),
    0x0B: ("_end", _none),
    0x0C: ("_br", _index),
    0x0D: ("_br_if", _index),
    0x0E: ("_br_table", _depths),
    0x0F: ("_return_here", _none),
    0x10: ("_call", _index),
    0x11: ("_call_indirect", lambda r: (r.u32(), r.u32())),
    0x1A: ("_drop", _none),
    0x1B: ("_select", _none),
    0x1C: ("_select", _none),
    0x20: ("_local_get", _place),
    0x21: ("_local_set", _place),
    0x22: ("_local_tee", _place),
    0x23: ("_global_get", _index),
    0x24: ("_global_set", _index),
    0x3F: ("_memory_size", _none),
    0x40: ("_memory_grow", _none),
    0x41: ("_literal", lambda r: ((False, r.signed() & 0xFFFFFFFF),)),
    0x42: ("_literal", lambda r: ((True, r.signed()),)),
    0x43: ("_literal", lambda r: ((False, int.from_bytes(r.bytes(4), "little")),)),
    0x44: ("_literal", lambda r: ((True, int.from_bytes(r.bytes(8), "little", signed=True)),)),
}
