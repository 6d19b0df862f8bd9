"""Parts and local modules of a filter's source, and their serialisation for the memory of a VM.

Most sources consist of a single text. The source of a filter in several cells, or with local modules, consists of parts, which
run in order in one namespace, and of modules, which the parts import by name.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bundle", "LocalModule", "Part", "pack", "unpack"]

#: First bytes of a serialised bundle. A single part begins with its file name or, without a file name, with a zero and a digit.
_BUNDLE = b"\0\0"


class Part(NamedTuple):
    """A part of a filter's source. In tracebacks, the part's first line is line `first_line` of `filename`."""

    text: str
    filename: str = "<filter>"
    first_line: int = 1


class LocalModule(NamedTuple):
    """A local module of a filter, with its dotted name, its text, and its file name in tracebacks."""

    name: str
    text: str
    filename: str
    is_package: bool = False


class Bundle(NamedTuple):
    """A filter's source, consisting of its parts, its local modules, and the dotted name of the parts' package."""

    parts: list[Part]
    modules: list[LocalModule]
    package: str


def pack(parts: Sequence[Part], modules: Sequence[LocalModule] = (), package: str = "") -> bytes:
    """Serialise a filter's source.

    Parameters
    ----------
    parts
        The parts of the source, at least one.
    modules
        The local modules, in any order (default none).
    package
        Dotted name of the package of the parts, for relative imports (default '': no package).
    """
    if len(parts) == 1 and not modules and not package:
        text, filename, first_line = parts[0]
        head = f"{filename.replace(chr(0), '')}\0{first_line}\0".encode("utf-8", "surrogateescape")
        return head + text.encode("utf-8", "surrogatepass")
    return _BUNDLE + json.dumps([parts, modules, package]).encode()


def unpack(data: bytes) -> Bundle:
    """Parse a source serialised by `pack`."""
    if not data.startswith(_BUNDLE):
        name, first_line, text = data.split(b"\0", 2)
        return Bundle([Part(text.decode(), name.decode(), int(first_line))], [], "")
    parts, modules, package = json.loads(data[len(_BUNDLE) :])
    return Bundle([Part(*p) for p in parts], [LocalModule(*m) for m in modules], package)
