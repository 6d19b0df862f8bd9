"""Short text representations of arbitrary values, for tracebacks and for views of a filter's state.

An ordinary `repr` can be endless, can fail, and can run the filter's code. Here, only the first items of a container are read,
and text is shortened before it is quoted. The `repr` of any other object is stopped after a limited number of instructions,
which are counted by a tracer.
"""

import sys
from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import FrameType
from typing import Any

__all__ = ["LENGTH", "Reprs"]

#: Default length limit of a representation, in characters.
LENGTH = 200

#: Maximum number of items shown for a container, and maximum depth of nested containers.
_ITEMS, _DEPTH = 12, 4

#: Number of bytecode instructions after which a `__repr__` of the filter is stopped.
_INSTRUCTIONS = 200_000

_CUT = "…"

#: Container type -> its brackets. Also used for subclasses in the standard library (defaultdict, Counter).
_BRACKETS: dict[type[Any], str] = {dict: "{}", list: "[]", tuple: "()", set: "{}", frozenset: "{}", deque: "[]"}
_UNNAMED = (dict, list, tuple, set)
_PYTHONS_OWN = ("builtins", "collections")

_TEXTS = (str.__repr__, bytes.__repr__, bytearray.__repr__)


class _TooMuch(BaseException):
    """Exception that stops a `__repr__` that takes too long. `except Exception` doesn't catch it."""


class Reprs:
    """Callable that returns a short text representation of any value.

    Parameters
    ----------
    length
        Maximum number of characters of a representation (default 200).
    """

    def __init__(self, length: int = LENGTH) -> None:
        self.length = length
        self._left = 0

    def __call__(self, value: Any) -> str:
        """Represent a value as one line of at most `length` characters. Never raises an exception."""
        try:
            text = self._show(value, _DEPTH, ())
        except Exception as error:  # noqa: BLE001 - a class with a false `__class__` or `__mro__`
            text = _failed(value, error)
        text = text[: self.length + 1].replace("\n", "\\n")
        return text if len(text) <= self.length else text[: self.length - 1] + _CUT

    def _show(self, value: Any, depth: int, above: tuple[int, ...]) -> str:
        """Represent a value. `above` contains the ids of the containers around it, to detect recursion."""
        cls = type(value)
        quotes: Any = cls.__repr__
        if quotes in _TEXTS:
            cut = len(value) > self.length
            return repr(value[: self.length]) + _CUT if cut else repr(value)
        if quotes is int.__repr__ and value.bit_length() > 4 * self.length:
            return f"<int of {value.bit_length():,} bits>"
        for base in _BRACKETS:
            if base in cls.__mro__ and (quotes is base.__repr__ or cls.__module__ in _PYTHONS_OWN):
                return self._container(value, base, depth, above)
        return self._own(value)

    def _container(self, value: Any, base: type[Any], depth: int, above: tuple[int, ...]) -> str:
        name = "" if type(value) in _UNNAMED else type(value).__name__
        size, opening, closing = base.__len__(value), *_BRACKETS[base]
        if not size and base in (set, frozenset):
            return f"{name or 'set'}()"
        if depth == 0 or id(value) in above:
            shown = _CUT
        else:
            parts = list(self._parts(value, base, depth - 1, (*above, id(value))))
            rest = [f"{_CUT} {size - len(parts):,} more"] if len(parts) < size else []
            shown = ", ".join(parts + rest) + ("," if size == 1 and base is tuple else "")
        return f"{name}({opening}{shown}{closing})" if name else f"{opening}{shown}{closing}"

    def _parts(self, value: Any, base: type[Any], depth: int, above: tuple[int, ...]) -> Iterator[str]:
        """Yield the representations of the first items of a container, without calling methods overridden by the filter."""
        budget = self.length
        for item in islice(base.items(value) if base is dict else base.__iter__(value), _ITEMS):
            part = (
                ": ".join(self._show(i, depth, above) for i in item) if base is dict else self._show(item, depth, above)
            )
            yield part
            budget -= len(part) + 2
            if budget < 0:
                return

    # -- calls of the filter's code

    def _own(self, value: Any) -> str:
        """Call the value's `__repr__` with a limit of instructions. Afterwards, a debugger's tracer is restored."""
        before = sys.gettrace()
        self._left = _INSTRUCTIONS
        sys.settrace(self._trace)
        try:
            return repr(value)
        except (Exception, _TooMuch) as error:  # noqa: BLE001 - any exception of the author's __repr__
            return _failed(value, error)
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, _event: str, _arg: object) -> Any:
        frame.f_trace_opcodes = True
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        return self._trace


def _failed(value: Any, error: BaseException) -> str:
    """Represent a value whose `__repr__` raised an exception. The exception's arguments are used only if they are plain str."""
    message = error.args[0] if error.args and type(error.args[0]) is str else ""
    failure = {_TooMuch: "does not end", RecursionError: "recurses endlessly"}.get(
        type(error), f"raised {type(error).__name__}{': ' if message else ''}{message[:80]}"
    )
    return f"<{type(value).__name__}: its repr {failure}>"
