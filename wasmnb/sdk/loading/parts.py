"""The parts and modules of a filter's source, and their form as bytes in a VM's memory.

Most filters are one text. A filter in several cells, or with modules of its own, is a bundle: parts that run in order in
one namespace, and modules that they import by name.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bundle", "LocalModule", "Part", "pack", "unpack"]

#: First bytes of a bundle. A single part begins with its file name or, if that is empty, with one zero and a digit.
_BUNDLE = b"\0\0"


class Part(NamedTuple):
    """A piece of the source's text. In errors and tracebacks, its first line is line `first_line` of `filename`."""

    text: str
    filename: str = "<filter>"
    first_line: int = 1


class LocalModule(NamedTuple):
    """One of the filter's own modules: its dotted name, its text, and its file name in tracebacks."""

    name: str
    text: str
    filename: str
    is_package: bool = False


class Bundle(NamedTuple):
    """A source: its parts, its own modules, and the dotted name of the package that the parts belong to."""

    parts: list[Part]
    modules: list[LocalModule]
    package: str


def pack(parts: Sequence[Part], modules: Sequence[LocalModule] = (), package: str = "") -> bytes:
    """Return a source as bytes.

    Parameters
    ----------
    parts, modules
        The parts (at least one), and the source's own modules (default none), in any order.
    package
        Dotted name of the package that the parts belong to, for relative imports (default empty: none).
    """
    if len(parts) == 1 and not modules and not package:
        text, filename, first_line = parts[0]
        head = f"{filename.replace(chr(0), '')}\0{first_line}\0".encode("utf-8", "surrogateescape")
        return head + text.encode("utf-8", "surrogatepass")
    return _BUNDLE + json.dumps([parts, modules, package]).encode()


def unpack(data: bytes) -> Bundle:
    """Return the parts, modules and package that `pack` serialised."""
    if not data.startswith(_BUNDLE):
        name, first_line, text = data.split(b"\0", 2)
        return Bundle([Part(text.decode(), name.decode(), int(first_line))], [], "")
    parts, modules, package = json.loads(data[len(_BUNDLE) :])
    return Bundle([Part(*p) for p in parts], [LocalModule(*m) for m in modules], package)
