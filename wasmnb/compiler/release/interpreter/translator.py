"""Translation of function bodies to the interpreter's operations: blocks, branches and calls.

A *point* is the start of a basic block at which the operand stack is empty. All values of the function are then in its locals,
so the interpreter can continue a call that began in compiled code.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .decoder import Unsupported, decode
from .opcodes import COMPARISONS
from .operations import MOST_BYTES, VALUE, Operations, constant_word, word
from .value_instructions import ValueInstructions

__all__ = ["Translation", "Translator", "Unsupported"]

#: Maximum number of operations that a branch can skip.
_MOST_OPERATIONS = 0x7FFF

#: Opcodes of the instructions after which a basic block starts: loop, if, else, end, br_if.
_STARTS_BLOCK = frozenset({0x03, 0x04, 0x05, 0x0B, 0x0D})


@dataclass
class Translation:
    """A function that has been translated for the interpreter.

    Attributes
    ----------
    code
        Operations of the function.
    parameters, link
        Offset of the end of the parameters in the frame, and offset of the link, which follows the locals.
    points
        Offset of a point in the body -> index of the operation at which the interpreter can enter the function.
    callees
        Functions that the function calls directly.
    """

    code: array[int]
    parameters: int
    link: int
    points: dict[int, int]
    callees: set[int]


@dataclass
class _Label:
    """A block of a function that has begun but not ended.

    Attributes
    ----------
    kind
        `function`, `block`, `loop` or `if`.
    arity
        Number of results of the block.
    height
        Number of values on the operand stack at the beginning of the block.
    start
        Index of the first operation of the block.
    otherwise
        Index of the branch around the first arm of an `if`, or -1 if there is none.
    patches
        Branches to the end of the block, as arguments of `Translator._patch`.
    """

    kind: str
    arity: int
    height: int
    start: int
    otherwise: int = -1
    patches: list[tuple[int, int, int]] = field(default_factory=list)


class Translator(ValueInstructions):
    """Translator for the functions of one module, which are translated one after the other.

    Parameters
    ----------
    operations
        Operations for the module.
    signatures
        Number of parameters and number of results of each function type, by index of the type.
    function_types
        Index of the type of each function, by index of the function. Imported functions come first.
    """

    def __init__(
        self, operations: Operations, signatures: Sequence[tuple[int, int]], function_types: Sequence[int]
    ) -> None:
        super().__init__(operations)
        self._names = operations.names
        self.signatures = signatures
        self.function_types = function_types
        self._decoded: dict[bytes, tuple[Callable[..., None], tuple[Any, ...]]] = {}

    def translate(self, function_type: int, local_count: int, offset: int, body: Sequence[bytes]) -> Translation:
        """Translate a function.

        Parameters
        ----------
        function_type
            Index of the function's type.
        local_count
            Number of locals without the parameters.
        offset
            Offset of the first instruction from the start of the body.
        body
            Instructions of the function.

        Raises
        ------
        Unsupported
            The function can't be interpreted.
        """
        params, results = self.signatures[function_type]
        if results > 1:
            raise Unsupported("several results")
        self._start(params + local_count)
        self.dead = False
        self.skipped = 0  # blocks that are open inside dead code
        self.labels = [_Label("function", results, 0, 0)]
        self.points: dict[int, int] = {}
        self.callees: set[int] = set()
        self._run(offset, body)
        if len(self.code) > _MOST_OPERATIONS or self.first + (self.deepest + 2) * VALUE > MOST_BYTES:
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
            step = decoded.get(instruction)
            if step is None:
                kind, operands = decode(instruction)
                step = decoded[instruction] = getattr(self, f"_{kind}"), operands
            step[0](*step[1])
            if instruction[0] in _STARTS_BLOCK:
                self._point(offset)
            elif len(stack) > self.deepest:
                self.deepest = len(stack)

    def _point(self, offset: int) -> None:
        """Start a basic block, which is a point if the operand stack is empty."""
        self.last = -1
        if not self.stack and not self.dead:
            self.points[offset] = len(self.code)

    def _skip(self, opcode: int) -> bool:
        """Skip an unreachable instruction. Return whether the next instruction can be reached."""
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
        """Set the target of an earlier branch to the next operation.

        Parameters
        ----------
        at
            Index of the word that contains the distance.
        shift
            Lowest bit of the distance in the word. If it is 48, the distance has 16 bits and counts operations. Otherwise, it
            has 32 bits and counts bytes.
        base
            Index of the operation from which the distance is counted.
        """
        distance = len(self.code) - base
        if shift == 48:
            self.code[at] |= (distance & 0xFFFF) << 48
        else:
            self.code[at] |= (distance * VALUE & 0xFFFFFFFF) << shift

    def _aim(self, label: _Label, at: int, shift: int, base: int) -> None:
        """Set the target of a branch to the end or the start of a block. The other parameters are those of `_patch`."""
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
        """Move the result of a block, if there is one, to the place where code after the block expects it."""
        if label.arity and label.kind != "loop":
            self._put(self.stack[-1], self._home(label.height))

    def _leave(self, depth: int) -> None:
        """Emit a branch out of `depth` blocks, after moving the result to its place."""
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
        """Emit a branch that is taken if the top value is non-zero (`when=True`) or zero. Return the arguments for `_patch`."""
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
        """Return an operation that combines a comparison with a branch, and the shift of its distance. None if no such
        operation exists.
        """
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
        """Move the arguments of a call to their homes, and pop them. Return the offset of the callee's frame."""
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
