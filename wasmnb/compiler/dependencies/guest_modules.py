"""The standard library of the Python inside a runtime. Its version can differ from the notebook's Python.

`guest_stdlib.json` lists its modules, and the reasons why some can't be imported. `python -m tests.compiler.guest_stdlib`
writes this file by running code in a runtime.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

__all__ = ["is_standard", "missing_part", "standard_module_exists"]


@cache
def _table() -> tuple[frozenset[str], dict[str, str]]:
    data = json.loads((files(__package__) / "guest_stdlib.json").read_text())
    return frozenset(data["modules"]), data["broken"]


def is_standard(name: str) -> bool:
    """Return whether a module is part of the guest's standard library. Only its top-level name is checked."""
    return name.partition(".")[0] in _table()[0]


def standard_module_exists(name: str) -> bool:
    """Return whether the guest's standard library contains a module with this dotted name."""
    return name in _table()[0]


def missing_part(name: str) -> str:
    """Return the reason why a standard module can't be imported in the guest (`No module named '_bz2'`), or '' if it can be."""
    return _table()[1].get(name, "")
