"""Read JSON documents item by item with ijson, so that the whole document is never in memory.

ijson's C backend (yajl) is about as fast as `json.load`. Its error messages contain no position, so this module counts the
bytes that have been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from ....abi.text import encode_text
from ..exchange import ReadingNotes
from .json_salvage import ResumePoint, salvage

__all__ = ["json_items"]

_BUFFER = 1 << 16


class _Counted:
    """A file that counts the bytes read from it, and replaces bytes that aren't UTF-8.

    Attributes
    ----------
    position
        Number of bytes that have been read.
    item
        Value of `position` when the last item was complete.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rest = b""
        self.position = self.item = file.tell()
        self.at_end = False
        self.replaced = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. They end with a complete character."""
        if not size:
            return b""  # ijson calls read(0) to find out the type
        # The parser scans a string again from its start at each chunk, so chunks grow with the item.
        data = self._file.read(max(size, (self.position - self.item) // 2))
        self.at_end = not data
        self.position += len(data)
        try:
            data.decode()
        except UnicodeDecodeError:
            return self._repair(data)
        if self._rest:
            return self._repair(data)
        return data

    def _repair(self, data: bytes) -> bytes:
        data, self._rest = self._rest + data, b""
        if not self.at_end:
            cut = _incomplete(data)
            data, self._rest = data[: len(data) - cut], data[len(data) - cut :]
        text = data.decode("utf-8", "replace")
        self.replaced += text.count("\ufffd")
        return encode_text(text) or (self.read(_BUFFER) if not self.at_end else b"")


def _incomplete(data: bytes) -> int:
    """Return the number of bytes at the end of `data` that belong to an incomplete UTF-8 character."""
    for length in range(1, min(4, len(data) + 1)):
        lead = data[-length]
        if lead >= 0xC0:
            return length if length < (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4) else 0
        if lead < 0x80:
            return 0
    return 0


def json_items(
    file: IO[bytes],
    prefix: str,
    notes: ReadingNotes,
    noun: str,
    *,
    several: bool = False,
    resume: ResumePoint,
) -> Iterator[tuple[int, Any]]:
    """Yield the items of a JSON document and their numbers. After an error, reading continues with the next item if possible.

    Parameters
    ----------
    file
        The file, positioned at its beginning.
    prefix
        Place of the items in ijson's notation.
    notes
        Object to which messages about errors are added.
    noun
        Word for an item in the messages, for example "entry".
    several
        Whether the file contains several documents, one after the other (default False).
    resume
        Place of the items, used to continue after an item that isn't valid JSON.
    """
    import ijson
    from ijson.common import JSONError

    beginning = file.tell()
    counted, number = _Counted(file), 0
    try:
        for item in ijson.items(counted, prefix, use_float=True, multiple_values=several, buf_size=_BUFFER):
            number += 1
            counted.item = counted.position
            yield number, item
    except (JSONError, ValueError, RecursionError):
        if not counted.at_end:
            file.seek(beginning)
            skipped = number
            for number, item in salvage(file, resume, skipped, notes, noun):
                yield number, item
        else:
            notes.add(
                f"{noun} {number + 1:,}, byte {counted.position:,}",
                f"The file ends inside this {noun}. Only complete ones were read.",
            )
    if counted.replaced:
        notes.add("the whole file", f"{counted.replaced:,} characters that aren't UTF-8 were replaced.", record=False)
    elif not number and not notes.messages:
        notes.add("byte 0", f"There are no items at {prefix}." if prefix else "The file is empty.", record=False)
