"""What would not be the same in Wasm, said once, as a Python warning at the filter's line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...errors import NativeWarning, SourceError
from ..source.filter_source import Source
from ..source.resolver import resolve
from ..source.stdlib import GUEST_PYTHON

__all__ = ["Differences", "version_hint"]

#: Builtin -> what it does inside Wasm.
_BUILTINS = {
    "open": "Inside WebAssembly there are no files, and open() fails",
    "input": "Inside WebAssembly nobody can answer, and input() fails",
}


class Differences:
    """Says every difference once for a filter, however many VMs run it."""

    def __init__(self) -> None:
        self._said: set[tuple[str, int | None, str]] = set()

    def say(self, text: str, filename: str, lineno: int | None) -> None:
        """Warn at a line."""
        if (filename, lineno, text) not in self._said:
            self._said.add((filename, lineno, text))
            warnings.warn_explicit(text, NativeWarning, filename, lineno or 1)

    def told(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A builtin that works here and not in Wasm: it says so, and works."""

        def call(*args: Any, **named: Any) -> Any:
            frame = sys._getframe(1)
            self.say(f"{_BUILTINS[name]}.", frame.f_code.co_filename, frame.f_lineno)
            return function(*args, **named)

        return call

    def resolved(self, source: Source, path: Sequence[Path]) -> Source:
        """The source with its own modules; what it imports that Wasm does not have is said, and imported all the same."""

        def tell(error: SourceError) -> None:
            hint = f" {error.hint}" if error.hint else ""
            self.say(f"It runs natively, but {error.args[0]}.{hint}", error.filename, error.lineno)

        return resolve(source, path, tell)[0]


def version_hint() -> str:
    """For source that this Python does not understand."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if here == GUEST_PYTHON:
        return ""
    return f"Natively it is run by this Python {here}; compiled to WebAssembly it has Python {GUEST_PYTHON}."
