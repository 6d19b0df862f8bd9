"""Properties set by a test, which replace those of the proxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...abi.text import encode_text
from ...errors import UsageError

__all__ = ["PropertyOverrides"]

#: Types that the value of a property can have.
_TYPES = (str, bytes, bool, int, float, Mapping, list, tuple)


class PropertyOverrides:
    """Properties set by a test, by path.

    Parameters
    ----------
    values
        Values by path, or None (the default) for no values. A path is text with dots, or a tuple of its parts. A value is text,
        bytes, a number, a boolean, or a mapping or list of these.

    Raises
    ------
    UsageError
        A value has another type.

    Attributes
    ----------
    values
        The values as passed by the caller.
    """

    def __init__(self, values: Mapping[Any, Any] | None = None) -> None:
        self.values = dict(values or {})
        self._values = {_path(path): _checked(path, value) for path, value in (values or {}).items()}

    def __bool__(self) -> bool:
        return bool(self._values)

    def find(self, parts: list[bytes]) -> tuple[Any, list[bytes]] | None:
        """Find the longest prefix of a path for which a value is set. Return the value and the rest of the path, or None.

        Parts of paths can contain dots: `a.b` is found both as one part and as two parts.
        """
        if not self._values:
            return None
        for count in range(len(parts), 0, -1):
            value = self._values.get(b".".join(parts[:count]))
            if value is not None:
                return value, parts[count:]
        return None

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return all pairs of a path (with dots) and its value."""
        return [(path.decode("utf-8", "surrogateescape"), value) for path, value in self._values.items()]


def _path(path: Any) -> bytes:
    parts = path if isinstance(path, tuple) else (path,)
    return b".".join(part if isinstance(part, bytes) else encode_text(str(part)) for part in parts)


def _checked(path: Any, value: Any) -> Any:
    if not isinstance(value, _TYPES):
        raise UsageError(
            f"The property {path!r} must be text, bytes, a number, a boolean, a mapping or a list, not {value!r:.60}."
        )
    return value
