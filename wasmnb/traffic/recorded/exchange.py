"""`RecordedExchange`, which all readers of recordings yield, and `ReadingNotes`, which collects their messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..._display import visible
from ...messages import Request, Response

__all__ = ["ReadingNotes", "RecordedExchange", "Unreadable", "finite", "parse_time"]

#: Maximum number of different messages about one recording.
_MESSAGES = 20


class Unreadable(ValueError):
    """A record of a recording is not an HTTP exchange. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """One recorded request with its response.

    Attributes
    ----------
    request
        The recorded request.
    response
        The recorded response (default None: there is none).
    started
        Time at which the request began, in seconds since 1970 (default None: unknown).
    duration
        Seconds from the beginning of the request to the end of the response (default None: unknown).
    connection
        Id of the client's connection (default "": unknown).
    http2
        Whether the request was sent over HTTP/2 or HTTP/3 (default False).
    truncated
        Messages whose bodies are incomplete or missing in the recording: "request", "response" (default none).
    position
        Position in the file, for example `entry 3` or `line 7` (default "").
    """

    request: Request
    response: Response | None = None
    started: float | None = None
    duration: float | None = None
    connection: str = ""
    http2: bool = False
    truncated: tuple[str, ...] = ()
    position: str = ""

    def __repr__(self) -> str:
        status = self.response.status if self.response is not None else "no response"
        return f"<RecordedExchange {visible(f'{self.request.method} {self.request.path}')} -> {status}>"


@dataclass
class ReadingNotes:
    """Messages about parts of a file that can't be read. Equal messages are counted and shown once.

    Attributes
    ----------
    name
        Name of the file in the messages.
    unreadable
        Number of records that were skipped.
    """

    name: str
    unreadable: int = 0
    _first: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, position: str, text: str, *, record: bool = True) -> None:
        """Add a message about a part of the file that can't be read.

        Parameters
        ----------
        position
            Position in the file, for example `entry 3`, `line 7` or `byte 1,024`.
        text
            The reason, as a sentence.
        record
            Whether a whole record was skipped (default True).
        """
        self.unreadable += record
        key = text if text in self._first or len(self._first) < _MESSAGES else "Other parts could not be read."
        self._first.setdefault(key, position)
        self._counts[key] = self._counts.get(key, 0) + 1

    def remark_at(self, position: str) -> Callable[[str], None]:
        """Return a function that adds messages about omitted parts of the record at `position`."""
        return partial(self.add, position, record=False)

    def extend(self, other: ReadingNotes) -> None:
        """Add the messages about the next part of the file."""
        self.unreadable += other.unreadable
        for text, position in other._first.items():
            self._first.setdefault(text, position)
            self._counts[text] = self._counts.get(text, 0) + other._counts[text]

    @property
    def messages(self) -> list[str]:
        """One line for each different message, with the position of its first occurrence."""
        return [
            f"{visible(self.name)}, {position}: {visible(text)}"
            + (f" ({self._counts[text] - 1:,} more like this.)" if self._counts[text] > 1 else "")
            for text, position in self._first.items()
        ]


def parse_time(value: Any) -> float | None:
    """Convert an ISO 8601 time or a number to seconds since 1970. Without a time zone, UTC is used. Returns None if invalid."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return finite(value)
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None


def finite(value: Any) -> float | None:
    """Convert a value to a float. Returns None if it is not a finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
