"""The model of recorded traffic, and the notes that a reader makes about parts that it could not read."""

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

#: Different messages that are kept for one recording.
_MESSAGES = 20


class Unreadable(ValueError):
    """A record is not an HTTP exchange; the text says why."""


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """One recorded request with its response.

    Attributes
    ----------
    request
        The request. Names and values of headers are bytes in `request.headers.raw`.
    response
        The recorded response, or None.
    started
        When the request began, in seconds since 1970, or None.
    duration
        Seconds from the request to the end of the response, or None.
    connection
        Id of the client's connection; empty if the recording has none.
    http2
        Whether the request was sent over HTTP/2 or HTTP/3.
    truncated
        Bodies that the recording has only in part or not at all: "request", "response".
    position
        Place in the file: `entry 3`, `line 7`.
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
    """Messages about parts of a file that could not be read. Equal messages are counted together.

    Attributes
    ----------
    name
        Name of the file, for the messages.
    unreadable
        Number of records that were left out.
    """

    name: str
    unreadable: int = 0
    _first: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, position: str, text: str, *, record: bool = True) -> None:
        """Note a problem.

        Parameters
        ----------
        position
            Where it is: `entry 3`, `line 7`, `byte 1,024`.
        text
            The reason, as a sentence.
        record
            Whether a record was left out because of it (default True).
        """
        self.unreadable += record
        key = text if text in self._first or len(self._first) < _MESSAGES else "Other parts could not be read."
        self._first.setdefault(key, position)
        self._counts[key] = self._counts.get(key, 0) + 1

    def remark_at(self, position: str) -> Callable[[str], None]:
        """Return a function that notes a part of the record at a position that was left out."""
        return partial(self.add, position, record=False)

    def extend(self, other: ReadingNotes) -> None:
        """Add the notes about the next part of the file."""
        self.unreadable += other.unreadable
        for text, position in other._first.items():
            self._first.setdefault(text, position)
            self._counts[text] = self._counts.get(text, 0) + other._counts[text]

    @property
    def messages(self) -> list[str]:
        """One line for each kind of problem, with the position of the first."""
        return [
            f"{visible(self.name)}, {position}: {visible(text)}"
            + (f" ({self._counts[text] - 1:,} more like it.)" if self._counts[text] > 1 else "")
            for text, position in self._first.items()
        ]


def parse_time(value: Any) -> float | None:
    """Return seconds since 1970 for an ISO 8601 time (UTC without a zone) or a number of seconds; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return finite(value)
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None


def finite(value: Any) -> float | None:
    """Return a number as a float; None for anything else, and for numbers that a float can't hold."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
