"""Compilation of the guest's modules without docstrings and column numbers, except for packages.

This module must be imported before all others.

A filter's packages keep their docstrings, because some packages read their own docstrings. componentize-py mounts the folders
of the Python path at /0, /1 and so on, and the second one contains the packages. Column numbers would use a tenth of a filter's
memory. Tracebacks need them to underline code, but only if the source is available. A filter doesn't contain the source of the
standard library and the SDK.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

__all__ = ["plain_dataclasses", "slim"]

#: Kinds of entries in a location table (CPython's Objects/locations.md), and the maximum number of code units of an entry.
_ONE_LINE, _NO_COLUMNS, _LONG, _NONE = 10, 13, 14, 15
_UNITS = 8


def _compile(_self: Any, data: Any, path: str, *, _optimization: int = -1) -> CodeType:
    code: CodeType = compile(data, path, "exec", dont_inherit=True, optimize=0 if path.startswith("/1/") else 2)
    return code if path.startswith("/1/") else slim(code)


def slim(code: CodeType) -> CodeType:
    """Return a copy of code without columns in its locations. Line numbers are kept."""
    constants = tuple(slim(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_consts=constants, co_linetable=bytes(_without_columns(code.co_linetable)))


def _without_columns(table: bytes) -> bytearray:
    out = bytearray()
    units, step, kind = 0, 0, _NONE  # of the run that hasn't been written yet
    for more, has_line, delta in _entries(table):
        own = _NO_COLUMNS if has_line else _NONE
        if units and (own != kind or delta or units + more > _UNITS):
            out += _entry(kind, units, step)
            units, step = 0, 0
        kind, units, step = own, units + more, step + delta
    return out + _entry(kind, units, step) if units else out


def _entry(kind: int, units: int, step: int) -> bytes:
    head = bytes((0x80 | kind << 3 | units - 1,))
    return head if kind == _NONE else head + _varint(-step << 1 | 1 if step < 0 else step << 1)


def _entries(table: bytes) -> Iterator[tuple[int, bool, int]]:
    """Yield the entries of a location table: number of code units, whether they have a line, and offset from
    the previous line.
    """
    at, size = 0, len(table)
    while at < size:
        head = table[at]
        kind, units, delta = head >> 3 & 15, (head & 7) + 1, 0
        at += 1
        if kind < _ONE_LINE:
            at += 1
        elif kind < _NO_COLUMNS:
            delta = kind - _ONE_LINE
            at += 2
        elif kind != _NONE:
            value, shift = 0, 0
            while True:
                byte = table[at]
                at += 1
                value |= (byte & 63) << shift
                shift += 6
                if not byte & 64:
                    break
            delta = -(value >> 1) if value & 1 else value >> 1
            if kind == _LONG:
                for _ in range(3):
                    while table[at] & 64:
                        at += 1
                    at += 1
        yield units, kind != _NONE, delta


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 63:
        out.append(value & 63 | 64)
        value >>= 6
    out.append(value)
    return bytes(out)


class _NoSignatures:
    """Replacement for the module `inspect` in `dataclasses`, which would use it to create docstrings from signatures."""

    def signature(self, *_: Any, **__: Any) -> Any:
        raise ValueError("classes have no docstrings here")

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules["inspect"], name)


def plain_dataclasses() -> None:
    """Make `dataclasses` use only a class's name as the docstring. Otherwise, it would load `inspect`, which needs half a
    megabyte.
    """
    import dataclasses

    dataclasses.inspect = _NoSignatures()  # type: ignore[attr-defined]


SourceFileLoader.source_to_code = _compile  # type: ignore[method-assign,assignment]
