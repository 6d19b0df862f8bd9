"""Translation of instructions for values: constants, locals, globals, arithmetic and memory."""

from __future__ import annotations

from .opcodes import IMMEDIATE
from .operand_stack import Operand, OperandStack

__all__ = ["ValueInstructions"]


class ValueInstructions(OperandStack):
    """Translator for instructions that work on values. It has a method for each kind of instruction returned by `decode`."""

    def _local_get(self, place: int) -> None:
        self.stack.append(place)

    def _literal(self, entry: Operand) -> None:
        self.stack.append(entry)

    def _local_set(self, place: int) -> None:
        stack = self.stack
        entry = stack.pop()
        if place in stack:  # earlier values of the local are still needed
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

    def _unary(self, name: str) -> None:
        self._push(name, self._pop())

    def _binary(self, name: str) -> None:
        stack = self.stack
        second = stack[-1]
        if not isinstance(second, int) and name in IMMEDIATE:
            first, constant = stack[-2], _signed(second[1])
            if not isinstance(first, int) and name == "i32.add":  # code from the linker contains sums of two constants
                stack[-2:] = [(False, first[1] + second[1] & 0xFFFFFFFF)]
                return
            if -0x8000 <= constant < 0x8000:
                stack.pop()
                self._push(f"{name}#", self._pop(), constant & 0xFFFF)
                return
        b = self._pop()
        self._push(name, self._pop(), b)

    def _nop(self) -> None:
        """Do nothing. Instructions that reinterpret bits don't change the value in the frame."""

    def _global_get(self, index: int) -> None:
        self._push(f"global.get {index}")

    def _global_set(self, index: int) -> None:
        self._emit(f"global.set {index}", 0, self._pop())

    # -- memory -----------------------------------------------------------------------------------------------------

    def _address(self, index: int, offset: int) -> tuple[int, int]:
        """Pop an address, and return its place and the offset to add. `index` is the index of the address's home."""
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


def _signed(value: int) -> int:
    return (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
