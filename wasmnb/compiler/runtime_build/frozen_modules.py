"""Removal of the code of frozen modules from the memory image, if Python has already imported the modules.

A third of a megabyte of the image is marshalled code of modules such as `os` and `codecs`, which Python imports only at its
start. CPython finds the code in tables of records, whose addresses are multiples of 16 (Include/cpython/import.h):

    +0  address of the name    +4  address of the code, 0 if the module is not to be imported
    +8  size of the code      +12  whether it is a package
"""

from __future__ import annotations

import struct

__all__ = ["clear_frozen"]

#: Name of a frozen module that Python imports at its start -> name of its file.
_FILES = {
    "_frozen_importlib": "importlib._bootstrap",
    "_frozen_importlib_external": "importlib._bootstrap_external",
    **{
        name: name
        for name in (
            *(
                "abc",
                "codecs",
                "io",
                "_collections_abc",
                "_sitebuiltins",
                "genericpath",
                "posixpath",
                "os",
            ),
            *("site", "stat", "importlib.util", "importlib.machinery"),
        )
    },
}

_RECORD = struct.Struct("<IIII")

#: First byte of marshalled code, and bit that marks a reference.
_CODE, _REFERENCE = ord("c"), 0x80


def clear_frozen(memory: bytearray, heap_base: int | None) -> int:
    """Replace the code of imported frozen modules by zeros, and return the number of changed bytes.

    Parameters
    ----------
    memory
        The memory image. The records of cleared modules are set to address 0, so that importing them again raises ImportError.
    heap_base
        First address of the heap. If None, nothing is cleared.
    """
    if heap_base is None:
        return 0
    imported = {
        name: file for name, file in _FILES.items() if memory.find(f"<frozen {file}>\0".encode(), heap_base) >= 0
    }
    cleared = 0
    for at, (name, code, size, package) in enumerate(_RECORD.iter_unpack(memory[: heap_base // 16 * 16])):
        if package < 2 and 0 < size < heap_base and 0 < code < heap_base - size and 0 < name < heap_base:
            text = memory[name : memory.find(0, name)]
            if memory[code] & ~_REFERENCE == _CODE and text.decode("latin-1") in imported:
                memory[code : code + size] = bytes(size)
                memory[16 * at + 4 : 16 * at + 8] = bytes(4)
                cleared += size
    return cleared
