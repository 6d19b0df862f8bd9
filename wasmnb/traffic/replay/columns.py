"""Results as columns: numbers in arrays and texts in one buffer, so that a million rows take some tens of megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from ...messages import to_bytes, to_text

__all__ = ["COLUMNS", "Columns", "TextColumn"]

#: Column -> kind ("text", or the type code of an array), and its meaning with the unit.
COLUMNS: dict[str, tuple[str, str]] = {
    "index": ("q", "position in the recording, from 0"),
    "worker": ("q", "number of the worker, from 1"),
    "method": ("text", "method of the request"),
    "path": ("text", "path of the request with its query"),
    "recorded_status": ("q", "status of the recorded response; 0 without one"),
    "status": ("q", "status of the response; 0 for a closed connection or none"),
    "state": ("text", "done, failed, paused, reset or refused"),
    "duration": ("d", "virtual seconds from arrival to end"),
    "filter_seconds": ("d", "seconds inside filters until the end of the request"),
    "request_bytes": ("q", "bytes of the request's body"),
    "response_bytes": ("q", "bytes of the response's body"),
}


class TextColumn:
    """Texts in one buffer."""

    __slots__ = ("_data", "_ends")

    def __init__(self) -> None:
        self._data = bytearray()
        self._ends = array("q")

    def append(self, text: str) -> None:
        """Append a text."""
        self._data += to_bytes(text)
        self._ends.append(len(self._data))

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends:
            yield to_text(bytes(self._data[start:end]))
            start = end

    def __len__(self) -> int:
        return len(self._ends)

    def __add__(self, other: TextColumn) -> TextColumn:
        joined, size = TextColumn(), len(self._data)
        joined._data = self._data + other._data
        joined._ends = self._ends + array("q", (end + size for end in other._ends))
        return joined

    def extend(self, other: TextColumn) -> None:
        """Append the texts of another column."""
        size = len(self._data)
        self._data += other._data
        self._ends.extend(end + size for end in other._ends)


class Columns:
    """The rows of a report, one for each exchange that was replayed, failed ones included. `COLUMNS` documents them."""

    __slots__ = ("_appends", "columns")

    def __init__(self) -> None:
        self.columns: dict[str, Any] = {
            name: TextColumn() if kind == "text" else array(kind) for name, (kind, _) in COLUMNS.items()
        }
        self._appends = [column.append for column in self.columns.values()]

    def add(self, *values: Any) -> None:
        """Append a row, its values in the order of `COLUMNS`."""
        for append, value in zip(self._appends, values, strict=True):
            append(value)

    def extend(self, other: Columns) -> None:
        """Append the rows of another table."""
        for name, column in self.columns.items():
            column.extend(other.columns[name])

    def as_lists(self) -> dict[str, list[Any]]:
        """Return the columns as lists."""
        return {name: list(column) for name, column in self.columns.items()}

    def __len__(self) -> int:
        return len(self.columns["index"])

    def __getstate__(self) -> dict[str, Any]:
        return self.columns

    def __setstate__(self, columns: dict[str, Any]) -> None:
        self.columns = columns
        self._appends = [column.append for column in columns.values()]
