"""Where things lie in the glue's memory, from `$base`: addresses that the parts of the glue share."""

from __future__ import annotations

__all__ = ["ARGS", "DEFINITIONS", "ERRORS", "LAYOUT_END", "METHODS", "NAMES", "REPLY", "SCRATCH", "STREAMS"]

#: Last response of the introspection export: object, address, size.
REPLY = 360

#: Slot before the arguments (callees may use it), then arguments of a callback.
ARGS = 516

#: Results of a hostcall.
SCRATCH = 576

#: The word `surrogateescape`.
ERRORS = 680

#: Callbacks' methods.
METHODS = 704

#: The dict of HTTP streams.
STREAMS = 1020

#: Definitions of the built-in functions, then their names.
DEFINITIONS, NAMES = 1024, 2048

#: First address that is free again.
LAYOUT_END = 4096
