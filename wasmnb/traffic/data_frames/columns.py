"""Tables in compact form: numbers in arrays and texts in one buffer. A million rows take some tens of megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from ...messages import to_bytes, to_text

__all__ = ["COLUMNS", "SCHEMAS", "Columns", "TextColumn"]

#: Column -> its kind ("text", or the type code of an `array`), and its meaning including the unit.
Schema = dict[str, tuple[str, str]]

#: Columns of the table `exchanges`.
COLUMNS: Schema = {
    "index": ("q", "position in the recording or the run, from 0"),
    "worker": ("q", "number of the worker, from 1"),
    "method": ("text", "method of the request"),
    "path": ("text", "path of the request with its query"),
    "recorded_status": ("q", "status of the recorded response; 0 without one"),
    "status": ("q", "status of the response; 0 for a closed connection or no response"),
    "state": ("text", "done, failed, paused, reset or refused"),
    "duration": ("d", "virtual seconds from arrival to end"),
    "filter_seconds": ("d", "seconds inside filters until the end of the request"),
    "request_bytes": ("q", "bytes of the request's body"),
    "response_bytes": ("q", "bytes of the response's body"),
}

_PLACE: Schema = {
    "exchange": ("q", "`index` of the exchange that it belongs to; -1 for none"),
    "thread": ("text", "main or worker-N"),
    "vm": ("q", "number of the VM"),
    "context": ("q", "id of the context in the VM"),
}

#: Table -> its columns.
SCHEMAS: dict[str, Schema] = {
    "exchanges": COLUMNS,
    "callbacks": {
        "event": ("q", "number of the event in the trace"),
        "time": ("d", "virtual seconds since the proxy's start at which it began"),
        **_PLACE,
        "name": ("text", "name without `proxy_`"),
        "guest_seconds": ("d", "seconds inside the filter, without hostcalls"),
        "host_seconds": ("d", "seconds inside its hostcalls"),
        "result": ("text", "the returned action or number"),
        "fuel": ("q", "instructions of Wasm; -1 if the proxy doesn't count them"),
    },
    "hostcalls": {
        "event": ("q", "number of the event in the trace"),
        "callback": ("q", "`event` of the callback that it ran in"),
        **_PLACE,
        "name": ("text", "name without `proxy_`"),
        "status": ("text", "the returned status"),
        "host_seconds": ("d", "seconds inside the host"),
    },
    "metrics": {
        "name": ("text", "name of the filter's metric"),
        "kind": ("text", "counter, gauge or histogram"),
        "value": ("d", "value of a counter or gauge, sum of a histogram's samples"),
        "samples": ("q", "number of a histogram's samples; 0 for others"),
        "shard": ("q", "shard of a replay with an executor, else 0; each shard has metrics of its own"),
    },
    "logs": {
        "time": ("d", "virtual seconds since the proxy's start"),
        "level": ("text", "trace to critical"),
        "source": ("text", "filter, or envoy for lines of the proxy itself"),
        "exchange": ("q", "`index` of the exchange that it belongs to; -1 for none"),
        "thread": ("text", "main or worker-N"),
        "text": ("text", "the line"),
    },
}


class TextColumn:
    """A column of texts, which are stored in one buffer."""

    __slots__ = ("_data", "_ends")

    def __init__(self) -> None:
        self._data = bytearray()
        self._ends = array("q")

    def append(self, text: str) -> None:
        """Append a text to the column."""
        self._data += to_bytes(text)
        self._ends.append(len(self._data))

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends:
            yield to_text(bytes(self._data[start:end]))
            start = end

    def __len__(self) -> int:
        return len(self._ends)

    def extend(self, other: TextColumn) -> None:
        """Append all texts of another column."""
        size = len(self._data)
        self._data += other._data
        if size and len(other._ends):
            import numpy as np

            shifted = np.frombuffer(other._ends, dtype=np.int64) + size
            self._ends.frombytes(shifted.tobytes())
        else:
            self._ends.extend(other._ends)


class Columns:
    """A table whose columns are arrays of numbers or text columns.

    Parameters
    ----------
    schema
        Name, kind and meaning of each column (default: those of the table `exchanges`).

    Attributes
    ----------
    columns
        Name of a column -> `array` or `TextColumn`.
    """

    __slots__ = ("_appends", "columns")

    def __init__(self, schema: Schema = COLUMNS) -> None:
        self.columns: dict[str, Any] = {
            name: TextColumn() if kind == "text" else array(kind) for name, (kind, _) in schema.items()
        }
        self._appends = [column.append for column in self.columns.values()]

    def add(self, *values: Any) -> None:
        """Append a row. The values must be in the order of the schema."""
        for append, value in zip(self._appends, values, strict=True):
            append(value)

    def extend(self, other: Columns) -> None:
        """Append all rows of another table with the same columns."""
        for name, column in self.columns.items():
            column.extend(other.columns[name])

    def as_lists(self) -> dict[str, list[Any]]:
        """Return the columns as a dictionary: name -> list of values."""
        return {name: list(column) for name, column in self.columns.items()}

    def as_arrays(self) -> dict[str, Any]:
        """Return the columns: numbers as numpy arrays, which take an eighth of the memory of lists, and texts as lists."""
        import numpy as np

        return {
            name: list(column) if isinstance(column, TextColumn) else np.array(column, dtype=column.typecode)
            for name, column in self.columns.items()
        }

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getstate__(self) -> dict[str, Any]:
        return self.columns

    def __setstate__(self, columns: dict[str, Any]) -> None:
        self.columns = columns
        self._appends = [column.append for column in columns.values()]
