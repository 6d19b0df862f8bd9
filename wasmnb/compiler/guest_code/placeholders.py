"""Placeholders for modules that packages import, but that can't work in a filter: every name exists, and fails when it is called."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["install"]


class _Placeholder(ModuleType):
    """A module without content. `reason` says why, and what to use instead."""

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
    """Put a placeholder into `sys.modules` for each name."""
    for name, reason in reasons.items():
        sys.modules[name] = _Placeholder(name, reason)
