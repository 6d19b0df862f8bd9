"""How objects of any floor show themselves in a notebook: drawn by `wasmnb.view`, which is loaded only then."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Shown"]


class Shown:
    """Something that a notebook draws. Its repr is for terminals."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # noqa: ARG002 -- IPython's signature
        try:
            view = import_module("wasmnb.view")
        except ImportError:
            return {"text/plain": repr(self)}
        return view.mimebundle(self)
