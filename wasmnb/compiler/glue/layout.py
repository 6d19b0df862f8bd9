"""Memory layout of the glue: offsets from `$base` that several parts of the glue use."""

from __future__ import annotations

__all__ = ["ARGS", "DEFINITIONS", "ERRORS", "LAYOUT_END", "METHODS", "NAMES", "REPLY", "SCRATCH", "STREAMS"]

#: Last response of the introspection export: object, address, size.
REPLY = 360

#: Arguments of a callback. The called function can overwrite the slot before them.
ARGS = 516

#: Results of a hostcall.
SCRATCH = 576

#: The text `surrogateescape`.
ERRORS = 680

#: Addresses of the callbacks' methods.
METHODS = 704

#: The dict of HTTP streams.
STREAMS = 1020

#: Definitions of the built-in functions, then their names.
DEFINITIONS, NAMES = 1024, 2048

#: First unused offset.
LAYOUT_END = 4096
