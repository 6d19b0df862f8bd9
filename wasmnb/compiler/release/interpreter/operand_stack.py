"""The operations emitted for a function during its translation, and the places of the values on its operand stack.

A value on WebAssembly's operand stack has a fixed place in the frame, its *home*. During translation, a value that is a
constant or the content of a local is moved to its home only when it is needed there: at a call, at a branch, or when the local
changes.
"""

from __future__ import annotations

from .operations import VALUE, Operations, constant_word, word

__all__ = ["Operand", "OperandStack"]

#: A value on the operand stack: its place in the frame, or a constant as (whether it has 64 bits, value).
Operand = int | tuple[bool, int]


class OperandStack:
    """The operand stack of the function that is being translated, and the operations that were emitted for the function.

    Parameters
    ----------
    operations
        Operations for the module.

    Attributes
    ----------
    code
        Operations emitted so far.
    stack
        Values on the operand stack. The last one is on top.
    link
        Offset of the link in the frame. The link follows the locals.
    first
        Offset of the home of the first value in the frame.
    deepest
        Maximum number of values that have been on the stack.
    last
        Index of the operation whose result can still be written to another place, or -1 if there is none.
    """

    def __init__(self, operations: Operations) -> None:
        self.numbers = operations.numbers
        self.code: list[int] = []
        self.stack: list[Operand] = []
        self.link = self.first = self.deepest = 0
        self.last = -1

    def _start(self, locals_: int) -> None:
        """Start a function with `locals_` parameters and locals."""
        self.code, self.stack = [], []
        self.link = locals_ * VALUE
        self.first = self.link + VALUE
        self.deepest = 0
        self.last = -1

    def _home(self, index: int) -> int:
        return self.first + index * VALUE

    def _emit(self, name: str, d: int = 0, a: int = 0, b: int = 0) -> None:
        self.code.append(word(self.numbers[name], d, a, b))

    def _constant(self, name: str, d: int, constant: int) -> None:
        self.code.append(constant_word(self.numbers[name], d, constant))

    def _put(self, entry: Operand, place: int) -> None:
        """Emit an operation that copies a value to a place, unless the value is already there."""
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
        """Move a value to its home. `index` is its position on the stack."""
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
        """Pop a value from the stack, and return its place in the frame."""
        entry = self.stack.pop()
        if isinstance(entry, int):
            return entry
        home = self._home(len(self.stack))
        self._put(entry, home)
        return home

    def _pop_three(self) -> tuple[int, int, int]:
        """Pop three values from the stack, and return their places, beginning with the top value."""
        return self._pop(), self._pop(), self._pop()

    def _push(self, name: str, a: int = 0, b: int = 0) -> None:
        """Emit an operation, and push its result onto the stack."""
        home = self._home(len(self.stack))
        self.last = len(self.code)
        self.code.append(word(self.numbers[name], home, a, b))
        self.stack.append(home)
