"""Code in the runtime that a filter can't call: SQLite, which is a tenth of the runtime's code.

SQLite needs files, which don't exist in a filter. `import sqlite3` is an error when a filter is built, and `import _sqlite3`
fails in the guest. Functions without a typical name are found by their position, because the linker places the functions of
each C file next to each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

__all__ = ["unused_functions"]

_NAMES = ("sqlite3", "pysqlite_", "_pysqlite_")

#: Maximum number of functions between two functions of SQLite that are assumed to be part of SQLite as well.
_GAP = 100


def unused_functions(symbols: Sequence[str]) -> frozenset[int]:
    """Return the indexes of functions that a filter can't call.

    Parameters
    ----------
    symbols
        Names of all functions, by function index.
    """
    named = [number for number, name in enumerate(symbols) if name.startswith(_NAMES)]
    unused: set[int] = set()
    for first, last in itertools.pairwise(named):
        unused.add(first)
        if last - first <= _GAP:
            unused.update(range(first, last + 1))
    return frozenset(unused)
