"""Compilation of standard library modules for the archive that every runtime contains. This code runs in a separate guest.

Compiling a module leaves names in memory that CPython never frees, so modules aren't compiled in the runtime's own memory.
"""

from __future__ import annotations

import dis
import json
import marshal
import os
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator
from types import CodeType

from wasmnb_archive import Deferred  # type: ignore[import-not-found]
from wasmnb_no_docstrings import slim  # type: ignore[import-not-found]

__all__ = ["pack"]

#: Marker at the beginning of the result. It is stored reversed, so that the memory doesn't contain it as a constant of this
#: module.
_MAGIC = bytes(reversed(b"evihcra bnmsaw"))


def pack(names: Iterable[str], skipped: Iterable[str]) -> bytes:
    """Compile modules and the modules that they import. Modules that have already been imported are omitted.

    Parameters
    ----------
    names
        Dotted names of the modules.
    skipped
        Names of modules and packages that filters can't use. Submodules of these packages are skipped as well.

    Returns
    -------
    bytes
        Marker, checksum and size of the rest, size of the index, index (name, whether it is a package, offset, size), and
        marshalled code of the modules.
    """
    index: list[tuple[str, bool, int, int]] = []
    content = bytearray()
    for name, (is_package, code) in sorted(_modules(names, skipped), key=lambda module: module[0]):
        data = marshal.dumps(code)
        index.append((name, is_package, len(content), len(data)))
        content += data
    head = json.dumps(index).encode()
    body = struct.pack("<I", len(head)) + head + bytes(content)
    return _MAGIC + struct.pack("<II", zlib.crc32(body), len(body)) + body


def _modules(names: Iterable[str], skipped: Iterable[str]) -> Iterator[tuple[str, tuple[bool, CodeType]]]:
    ignored = frozenset(skipped)
    waiting = list(names)
    seen = {name for name, module in sys.modules.items() if not isinstance(module, Deferred)}
    while waiting:
        name = waiting.pop()
        if name in seen or not ignored.isdisjoint((name, name.partition(".")[0])):
            continue
        seen.add(name)
        module = _compiled(name)
        if module is None:
            continue
        yield name, module
        is_package, code = module
        package = name if is_package else name.rpartition(".")[0]
        waiting += [name.rpartition(".")[0], *_imports(code, package)]


def _compiled(name: str) -> tuple[bool, CodeType] | None:
    """Return whether a module is a package, and its compiled code. Returns None if its source isn't on the path."""
    for folder in sys.path:
        path = os.path.join(folder, *name.split("."))  # noqa: PTH118 -- no pathlib in the guest's start
        for file, is_package in ((path + ".py", False), (os.path.join(path, "__init__.py"), True)):  # noqa: PTH118
            try:
                with open(file, "rb") as source:  # noqa: PTH123
                    return is_package, slim(compile(source.read(), file, "exec", dont_inherit=True, optimize=2))
            except OSError:
                continue
    return None


def _imports(code: CodeType, package: str) -> Iterator[str]:
    """Yield the names of modules that a module's code can import, including imports inside functions."""
    for name, level, members in dis._find_imports(code):  # type: ignore[attr-defined]
        parts = package.split(".")
        base = ".".join([*parts[: len(parts) - level + 1], name] if level else [name]).rstrip(".")
        yield base
        yield from (f"{base}.{member}" for member in members or () if member != "*")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _imports(constant, package)
