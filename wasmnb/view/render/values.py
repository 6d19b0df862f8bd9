"""Format arguments and results of callbacks and hostcalls as short text."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from .document import TextSpan
from .escape import clip

__all__ = ["arguments", "level_role", "state_role", "value_text"]

_LIMIT = 80

_STATE_ROLES = {
    "running": "good", "done": "good", "ok": "good",
    "paused": "warn", "open": "warn", "refused": "bad", "template": "muted", "closed": "muted", "idle": "muted",
    "failed": "bad", "trapped": "bad", "reset": "bad",
}  # fmt: skip
_LEVEL_ROLES = {"WARN": "warn", "ERROR": "bad", "CRITICAL": "bad", "TRACE": "muted", "DEBUG": "muted"}


def value_text(value: Any, limit: int = _LIMIT) -> str:
    """Format a value: enums by name, bytes as quoted text, header maps as `name: value`.

    Parameters
    ----------
    value
        The value.
    limit
        Maximum number of characters (default 80).
    """
    match value:
        case None:
            return "none"
        case Enum():
            return str(value.name)
        case bytes() | bytearray():
            return f'"{clip(bytes(value[: limit * 2]).decode("utf-8", "surrogateescape"), limit)}"'
        case str():
            return f'"{clip(value, limit)}"'
        case Mapping():
            return "{" + clip(", ".join(f"{k}: {value_text(v)}" for k, v in value.items()), limit) + "}"
        case list() | tuple():
            return "[" + clip(", ".join(_entry(v) for v in value), limit) + "]"
    return clip(str(value), limit)


def _entry(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        return ": ".join(v if isinstance(v, str) else value_text(v).strip('"') for v in value)
    return value_text(value)


def arguments(args: Mapping[str, Any]) -> str:
    """Format the arguments of a call. Numbers are preceded by the name of the argument."""
    parts = (f"{k}={v}" if isinstance(v, int) and not isinstance(v, Enum) else value_text(v) for k, v in args.items())
    return ", ".join(parts)


def state_role(state: str) -> TextSpan:
    """Return a span with the name of a state and the role that colours it."""
    role = _STATE_ROLES.get(state, "")
    return TextSpan(state, role)  # type: ignore[arg-type]


def level_role(name: str) -> TextSpan:
    """Return a span with the name of a log level and the role that colours it."""
    role = _LEVEL_ROLES.get(name, "")
    return TextSpan(name.lower(), role)  # type: ignore[arg-type]
