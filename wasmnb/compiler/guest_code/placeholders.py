"""Placeholders for modules that can't work in a filter, but are imported by packages.

Every name exists in a placeholder, but calling it raises an exception.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["install"]


class _Placeholder(ModuleType):
    """A module whose names exist but fail when they are called. `reason` explains why, and what to use instead."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.__path__: list[str] = []
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        text = f"{self.__name__}.{name} can't be used in a filter. {self._reason}"

        def fail(*_: Any, **__: Any) -> Any:
            raise NotImplementedError(text)

        bases: tuple[type, ...] = (OSError,) if name.endswith(("Error", "Warning")) else ()
        cls = type(name, bases, {"__init__": fail, "__module__": self.__name__, "__doc__": text})
        setattr(self, name, cls)
        return cls


def install(reasons: dict[str, str]) -> None:
    """Put a placeholder for each module in `reasons` into `sys.modules`. The values explain why the modules can't work."""
    for name, reason in reasons.items():
        sys.modules[name] = _Placeholder(name, reason)
