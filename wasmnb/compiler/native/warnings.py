"""Warnings about differences between native mode and Wasm, once each, at the filter's line."""

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

#: Builtin -> its behaviour inside Wasm.
_BUILTINS = {
    "open": "WebAssembly has no files, so open() fails there",
    "input": "WebAssembly has no terminal, so input() fails there",
}


class Differences:
    """Emits each warning once for a filter, regardless of the number of VMs."""

    def __init__(self) -> None:
        self._emitted: set[tuple[str, int | None, str]] = set()

    def emit(self, text: str, filename: str, lineno: int | None) -> None:
        """Warn at a line."""
        if (filename, lineno, text) not in self._emitted:
            self._emitted.add((filename, lineno, text))
            warnings.warn_explicit(text, NativeWarning, filename, lineno or 1)

    def warning(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a builtin that works natively but not in Wasm, so that calls emit a warning."""

        def call(*args: Any, **named: Any) -> Any:
            frame = sys._getframe(1)
            self.emit(f"{_BUILTINS[name]}.", frame.f_code.co_filename, frame.f_lineno)
            return function(*args, **named)

        return call

    def resolved(self, source: Source, path: Sequence[Path]) -> Source:
        """Resolve the source's own modules. Imports that Wasm doesn't have emit a warning and work."""

        def on_error(error: SourceError) -> None:
            hint = f" {error.hint}" if error.hint else ""
            self.emit(f"This works natively only: {error.args[0]}.{hint}", error.filename, error.lineno)

        return resolve(source, path, on_error)[0]


def version_hint() -> str:
    """Return a hint for source with syntax that this Python doesn't know."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version == GUEST_PYTHON:
        return ""
    return f"Native mode uses this Python {version}; compiled filters have Python {GUEST_PYTHON}."
