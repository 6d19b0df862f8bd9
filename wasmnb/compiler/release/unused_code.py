"""Code that no filter can reach: SQLite, a tenth of the runtime's.

Facts: it needs files, so that `import sqlite3` is refused when a filter is built, and the guest's program makes `import _sqlite3`
fail, too. Its functions stand next to each other, as the linker has put those of each C file.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

__all__ = ["unused_functions"]

_NAMES = ("sqlite3", "pysqlite_", "_pysqlite_")

#: Functions of one C file in between that have other names.
_GAP = 100


def unused_functions(symbols: Sequence[str]) -> frozenset[int]:
    """Numbers of the functions that are left out, from the names of all."""
    named = [number for number, name in enumerate(symbols) if name.startswith(_NAMES)]
    found: set[int] = set()
    for first, last in itertools.pairwise(named):
        found.add(first)
        if last - first <= _GAP:
            found.update(range(first, last + 1))
    return frozenset(found)
