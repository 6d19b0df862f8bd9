"""Classes that split the chunks of a body into lines, JSON lines, server-sent events or JSON-RPC messages.

A chunk can end anywhere, even inside a character or between CR and LF. Each splitter keeps the incomplete item at the end of a
chunk, up to a size limit. Events follow https://html.spec.whatwg.org/multipage/server-sent-events.html: an event ends with an
empty line, and is dropped if the body ends before that line.
"""

from typing import Any, Protocol

from ..errors import ContentError
from ..messages.bodies import from_json
from ..messages.encoding import decode
from .json_rpc import JsonRpcMessage, to_messages

__all__ = [
    "ITEM_LIMIT",
    "EventMessages",
    "EventSplitter",
    "JsonLineSplitter",
    "LineSplitter",
    "ServerSentEvent",
    "Splitter",
    "WholeMessages",
]

#: Default limit for the size of a line, event or message, in bytes.
ITEM_LIMIT = 1 << 20


class Splitter(Protocol):
    """Interface of objects that split the chunks of a body into items, and keep an incomplete item for the next chunk."""

    def feed(self, data: bytes) -> list[Any]:
        """Handle the next bytes of the body, and return the items that end in them."""

    def finish(self) -> list[Any]:
        """Handle the end of the body, and return the remaining items."""


class LineSplitter:
    """Splitter of a body into lines without their line ends (LF or CR LF).

    Parameters
    ----------
    limit
        Largest allowed size of a line in bytes (default 1 MiB).
    lone_cr
        Whether a CR without LF also ends a line, as in server-sent events (default False).
    """

    def __init__(self, limit: int = ITEM_LIMIT, *, lone_cr: bool = False) -> None:
        self._limit = limit
        self._lone_cr = lone_cr
        self._rest = bytearray()
        self._after_cr = False
        self.number = 0

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that end in these bytes. Raises ContentError if a line exceeds the limit."""
        if self._lone_cr:
            data = self._with_lf(data)
        if b"\n" not in data:
            self._rest += data
            self._check(len(self._rest))
            return []
        first, *others = data.split(b"\n")
        lines = [bytes(self._rest) + first, *others]
        self._rest = bytearray(lines.pop())
        self._check(max(len(self._rest), *(len(line) for line in lines)))
        self.number += len(lines)
        return [decode(line.removesuffix(b"\r")) for line in lines]

    def finish(self) -> list[str]:
        """Return the last line of the body if it has no line end, and otherwise an empty list."""
        rest, self._rest = bytes(self._rest), bytearray()
        self.number += bool(rest)
        return [decode(rest)] if rest else []

    def _with_lf(self, data: bytes) -> bytes:
        """Replace all line ends in a chunk by LF, also if the previous chunk ended between CR and LF."""
        if self._after_cr:
            data = data.removeprefix(b"\n")
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ContentError(
                f"a line or event of the body is larger than the limit of {self._limit} bytes: pass a larger limit="
            )


class JsonLineSplitter:
    """Splitter of a body of JSON lines (NDJSON) into values. Empty lines are skipped."""

    def __init__(self, limit: int = ITEM_LIMIT) -> None:
        self._lines = LineSplitter(limit)

    def feed(self, data: bytes) -> list[Any]:
        """Return the values whose lines end in these bytes. Raises ContentError if a line is not JSON."""
        before = self._lines.number
        return self._values(self._lines.feed(data), before)

    def finish(self) -> list[Any]:
        """Return the value of the last line if it has no line end, and otherwise an empty list."""
        before = self._lines.number
        return self._values(self._lines.finish(), before)

    def _values(self, lines: list[str], before: int) -> list[Any]:
        numbered = enumerate(lines, before + 1)
        return [_json(line, f"line {number} of the body") for number, line in numbered if line and not line.isspace()]


def _json(text: str, where: str) -> Any:
    try:
        return from_json(text)
    except ValueError as error:
        raise ContentError(f"{where} is not JSON: {error}") from None


class ServerSentEvent:
    """One server-sent event of a body with content-type text/event-stream.

    Parameters
    ----------
    event
        Type of the event, or "message" if the event doesn't specify one.
    data
        The event's data lines, joined with line feeds.
    event_id
        The latest event id in the stream, or '' if no event had an id so far.
    retry
        Milliseconds to wait before a reconnection, or None if the event doesn't specify them.

    Attributes
    ----------
    event, data, id, retry
        Values of the parameters. `id` is the value of `event_id`.
    """

    __slots__ = ("data", "event", "id", "retry")

    def __init__(self, event: str, data: str, event_id: str, retry: int | None) -> None:
        self.event = event
        self.data = data
        self.id = event_id
        self.retry = retry

    def json(self) -> Any:
        """Return the event's data, parsed as JSON. Raises ContentError if it is not JSON."""
        return _json(self.data, f"the data of event {self.event!r}")

    def __repr__(self) -> str:
        return f"<event {self.event!r} {self.data[:60]!r}>"


class EventSplitter:
    """Splitter of a body with content-type text/event-stream into server-sent events."""

    def __init__(self, limit: int = ITEM_LIMIT) -> None:
        self._lines = LineSplitter(limit, lone_cr=True)
        self._limit = limit
        self._id = ""
        self._is_first = True
        self._begin()

    def _begin(self) -> None:
        self._type, self._data, self._size = "", list[str](), 0
        self._retry: int | None = None

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that end in these bytes. Raises ContentError if an event exceeds the limit."""
        events = []
        for line in self._lines.feed(data):
            if line:
                self._field(line)
            else:
                if self._data:
                    events.append(
                        ServerSentEvent(self._type or "message", "\n".join(self._data), self._id, self._retry)
                    )
                self._begin()
        return events

    def finish(self) -> list[ServerSentEvent]:
        """Return an empty list. An incomplete event at the end of the body is dropped."""
        return []

    def _field(self, line: str) -> None:
        if self._is_first:
            line, self._is_first = line.removeprefix("\ufeff"), False
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value)
            if self._size > self._limit:
                raise ContentError(
                    f"a server-sent event is larger than the limit of {self._limit} bytes: pass a larger limit="
                )
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry = int(value)


class WholeMessages:
    """Splitter of a body that consists of one JSON document: a JSON-RPC message, or a batch (list) of messages."""

    def __init__(self, limit: int = ITEM_LIMIT) -> None:
        self._limit = limit
        self._data = bytearray()

    def feed(self, data: bytes) -> list[JsonRpcMessage]:
        """Collect a chunk and return an empty list. Raises ContentError if the body exceeds the limit."""
        self._data += data
        if len(self._data) > self._limit:
            raise ContentError(
                f"the JSON-RPC body is larger than the limit of {self._limit} bytes: pass a larger limit="
            )
        return []

    def finish(self) -> list[JsonRpcMessage]:
        """Return the messages of the complete body. A batch has several messages, an empty body none."""
        return to_messages(_json(decode(bytes(self._data)), "the body")) if self._data.strip() else []


class EventMessages:
    """Splitter of a body of server-sent events that contain JSON-RPC messages. Its items are the messages."""

    def __init__(self, limit: int = ITEM_LIMIT) -> None:
        self._events = EventSplitter(limit)

    def feed(self, data: bytes) -> list[JsonRpcMessage]:
        """Return the messages whose events end in these bytes."""
        events = self._events.feed(data)
        return [message for event in events if event.data for message in to_messages(event.json())]

    def finish(self) -> list[JsonRpcMessage]:
        """Return an empty list. An incomplete event at the end of the body is dropped."""
        return []
