"""Makes the guest compile modules without docstrings. It's imported first.

Packages of a filter keep their docstrings because some read their own. componentize-py mounts the folders of the Python
path at /0, /1, and so on; the second one has the packages.
"""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any


def _compile(_self: Any, data: Any, path: str, *, _optimization: int = -1) -> CodeType:
    code: CodeType = compile(data, path, "exec", dont_inherit=True, optimize=0 if path.startswith("/1/") else 2)
    return code


SourceFileLoader.source_to_code = _compile  # type: ignore[method-assign,assignment]
