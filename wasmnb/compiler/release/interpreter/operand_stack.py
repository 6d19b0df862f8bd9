"""The operations of a function while it is translated, and the places of the values on its operand stack.

A value on WebAssembly's operand stack has a fixed place in the frame, its *home*. While a function is translated, a value that
is a constant or the content of a local isn't moved to its home until it is needed there: at a call, at a branch, or when the local
changes.
"""

from __future__ import annotations

from .operations import VALUE, Operations, constant_word, word

__all__ = ["Operand", "OperandStack"]

#: A value on the operand stack: its place in the frame, or a constant (64 bits wide?, value).
Operand = int | tuple[bool, int]


class OperandStack:
    """The operand stack of one function, and the operations that were emitted for it.

    Parameters
    ----------
    operations
        The module's operations.

    Attributes
    ----------
    code
        The operations.
    stack
        The values. The top of the stack is the last one.
    link
        Offset of the link in the frame, which comes after the locals.
    first
        Offset of the first value's home in the frame.
    deepest
        Maximum number of values that were on the stack.
    last
        Index of the operation whose result can still be written to another place; -1 if there is none.
    """

    def __init__(self, operations: Operations) -> None:
        self.numbers = operations.numbers
        self.code: list[int] = []
        self.stack: list[Operand] = []
        self.link = self.first = self.deepest = 0
        self.last = -1

    def _start(self, locals_: int) -> None:
        """Start a function with this number of parameters and locals."""
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
        """Copy a value to a place, unless it is already there."""
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
        """Move the value at an index of the stack to its home."""
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
        """Pop a value, and return its place."""
        entry = self.stack.pop()
        if isinstance(entry, int):
            return entry
        home = self._home(len(self.stack))
        self._put(entry, home)
        return home

    def _pop_three(self) -> tuple[int, int, int]:
        """Pop three values, and return their places, beginning with the top value's."""
        return self._pop(), self._pop(), self._pop()

    def _push(self, name: str, a: int = 0, b: int = 0) -> None:
        """Emit an operation, and push its result."""
        home = self._home(len(self.stack))
        self.last = len(self.code)
        self.code.append(word(self.numbers[name], home, a, b))
        self.stack.append(home)
