"""Imported first in the guest: from then on modules are compiled without docstrings, which a filter does not show.

Packages that a filter brings keep theirs, since some read their own. componentize-py puts the folders of the Python path
at /0, /1, ...: the second one is for packages.
"""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any


def _compile(_self: Any, data: Any, path: str, *, _optimization: int = -1) -> CodeType:
    code: CodeType = compile(data, path, "exec", dont_inherit=True, optimize=0 if path.startswith("/1/") else 2)
    return code


SourceFileLoader.source_to_code = _compile  # type: ignore[method-assign,assignment]
