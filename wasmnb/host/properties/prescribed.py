"""Properties that a test prescribes: they hide those that the proxy would compute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...abi.text import encode_text
from ...errors import UsageError

__all__ = ["Prescribed"]

#: Types of values that a property can have.
_TYPES = (str, bytes, bool, int, float, Mapping, list, tuple)


class Prescribed:
    """Values by path.

    Parameters
    ----------
    values
        Path with dots, or a tuple of its parts, -> value: text, bytes, a number, a truth value, or a mapping or list of
        these. None for no values.

    Raises
    ------
    UsageError
        A value is of another type.

    Attributes
    ----------
    given
        The values as they were given.
    """

    def __init__(self, values: Mapping[Any, Any] | None = None) -> None:
        self.given = dict(values or {})
        self._values = {_path(path): _checked(path, value) for path, value in (values or {}).items()}

    def __bool__(self) -> bool:
        return bool(self._values)

    def find(self, parts: list[bytes]) -> tuple[Any, list[bytes]] | None:
        """Return the value for the longest prescribed beginning of a path, and the rest of the path; None without one.

        Parts of a prescribed path may have dots, so that `a.b` is found as one part or as two.
        """
        if not self._values:
            return None
        for count in range(len(parts), 0, -1):
            value = self._values.get(b".".join(parts[:count]))
            if value is not None:
                return value, parts[count:]
        return None

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return paths with dots and values."""
        return [(path.decode("utf-8", "surrogateescape"), value) for path, value in self._values.items()]


def _path(path: Any) -> bytes:
    parts = path if isinstance(path, tuple) else (path,)
    return b".".join(part if isinstance(part, bytes) else encode_text(str(part)) for part in parts)


def _checked(path: Any, value: Any) -> Any:
    if not isinstance(value, _TYPES):
        raise UsageError(
            f"The property {path!r} can't be {value!r:.60}: give text, bytes, a number, a mapping or a list."
        )
    return value
