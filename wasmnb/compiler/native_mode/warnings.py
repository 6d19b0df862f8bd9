"""Warnings about differences between native mode and Wasm. Each warning is issued only once for each line of the filter."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...errors import NativeWarning, SourceError
from ..dependencies.filter_source import Source
from ..dependencies.resolver import resolve
from ..dependencies.stdlib import GUEST_PYTHON

__all__ = ["Differences", "version_hint"]

#: Builtin -> its behaviour inside Wasm.
_BUILTINS = {
    "open": "WebAssembly has no files, so open() fails there",
    "input": "WebAssembly has no terminal, so input() fails there",
}


class Differences:
    """Warnings about differences from Wasm. All VMs of a filter share this object, so that each warning is issued only once."""

    def __init__(self) -> None:
        self._emitted: set[tuple[str, int | None, str]] = set()

    def emit(self, text: str, filename: str, lineno: int | None) -> None:
        """Issue a warning at a line of a file, unless it has already been issued."""
        if (filename, lineno, text) not in self._emitted:
            self._emitted.add((filename, lineno, text))
            warnings.warn_explicit(text, NativeWarning, filename, lineno or 1)

    def warning(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a wrapper of a builtin that works natively but not in Wasm. Calling it issues a warning."""

        def call(*args: Any, **named: Any) -> Any:
            frame = sys._getframe(1)
            self.emit(f"{_BUILTINS[name]}.", frame.f_code.co_filename, frame.f_lineno)
            return function(*args, **named)

        return call

    def resolved(self, source: Source, path: Sequence[Path]) -> Source:
        """Return a source with the filter's own modules. Imports that don't work in Wasm only cause a warning."""

        def on_error(error: SourceError) -> None:
            hint = f" {error.hint}" if error.hint else ""
            self.emit(f"This import works only in native mode: {error.args[0]}.{hint}", error.filename, error.lineno)

        return resolve(source, path, on_error)[0]


def version_hint() -> str:
    """Return a hint for a source whose syntax this Python doesn't support, or '' if compiled filters use the same version."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version == GUEST_PYTHON:
        return ""
    return f"Native mode runs the source in this Python {version}, but compiled filters use Python {GUEST_PYTHON}."
