"""What a filter's source is made of, and how it travels into a VM's memory.

Most filters are one piece of text. One that is split over several cells, or that imports modules of its own, is a bundle:
parts that run in order in one namespace, and modules that they import by name.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["LocalModule", "Part", "pack", "unpack"]

#: Begins a bundle. A single part begins with its file name or, if that is empty, with one zero and a digit.
_BUNDLE = b"\0\0"


class Part(NamedTuple):
    """A piece of source; its first line counts as `first_line` of `filename` in errors and tracebacks."""

    text: str
    filename: str = "<filter>"
    first_line: int = 1


class LocalModule(NamedTuple):
    """A module that belongs to the filter: its dotted name, its text, what tracebacks call it."""

    name: str
    text: str
    filename: str
    is_package: bool = False


def pack(parts: Sequence[Part], modules: Sequence[LocalModule] = (), package: str = "") -> bytes:
    """A source as bytes.

    Parameters
    ----------
    parts, modules
        At least one part; modules in any order.
    package
        Dotted name of the package that the parts belong to: what relative imports in them start from.
    """
    if len(parts) == 1 and not modules and not package:
        text, filename, first_line = parts[0]
        head = f"{filename.replace(chr(0), '')}\0{first_line}\0".encode("utf-8", "surrogateescape")
        return head + text.encode("utf-8", "surrogatepass")
    return _BUNDLE + json.dumps([parts, modules, package]).encode()


def unpack(data: bytes) -> tuple[list[Part], list[LocalModule], str]:
    """The parts, modules and package that `pack` was given."""
    if not data.startswith(_BUNDLE):
        name, first_line, text = data.split(b"\0", 2)
        return [Part(text.decode(), name.decode(), int(first_line))], [], ""
    parts, modules, package = json.loads(data[len(_BUNDLE) :])
    return [Part(*p) for p in parts], [LocalModule(*m) for m in modules], package
