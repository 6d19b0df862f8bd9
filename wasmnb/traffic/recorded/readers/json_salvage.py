"""Read the items of a list in a document that isn't valid JSON. Damaged items are skipped.

Tools write NaN, raw control characters, comments and trailing commas, and manual edits can leave quotes unclosed. The items are
separated by counting the brackets outside of strings, and each item is parsed separately. After a damaged item, the next one is
found by the name of its first field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from ..exchange import ReadingNotes

__all__ = ["ResumePoint", "salvage"]

_CHUNK = 1 << 20

#: Maximum size of an item in bytes.
_LONGEST = 1 << 26

#: A string, a bracket, or the opening quote of a string that isn't complete.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
_FIRST_NAME = re.compile(rb'(?P<item>\{\s*"(?P<name>(?:[^"\\]|\\.){1,100})"\s*:)')
_SCALAR = re.compile(rb"\b(?:null|true|false|[0-9.]+)\b")


class ResumePoint(NamedTuple):
    """The place of the items in a document.

    Attributes
    ----------
    beginning
        Pattern that ends with the opening bracket of the list. Empty if the document isn't a list.
    names
        Known names of an item's first field. Names in the file are added when they are found.
    """

    beginning: re.Pattern[bytes]
    names: tuple[bytes, ...]


class _Text:
    """A window of a file, and the position in it at which the search for the next item starts.

    Attributes
    ----------
    data
        Bytes that have been read and not yet discarded.
    at
        Position in `data`.
    at_end
        Whether the end of the file has been reached.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = file.tell()
        self.data, self.at, self.at_end = b"", 0, False

    @property
    def position(self) -> int:
        """Current position in the file."""
        return self._end - len(self.data) + self.at

    def more(self) -> bool:
        """Read more bytes, and discard those before the position. Returns False at the end or if an item is too long."""
        kept = self.data[self.at :]
        data = self._file.read(max(_CHUNK, len(kept)))
        self.at_end = not data
        self._end += len(data)
        self.data, self.at = kept + data, 0
        return bool(data) and len(self.data) < _LONGEST

    def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Return the next match of a pattern, reading more bytes if necessary. Returns None if there is no match."""
        while (match := pattern.search(self.data, self.at)) is None:
            if not self.more() and self.at_end:
                return None
            if len(self.data) >= _LONGEST:
                self.at = len(self.data) - _CHUNK
        return match


def salvage(
    file: IO[bytes], place: ResumePoint, skipped: int, notes: ReadingNotes, noun: str
) -> Iterator[tuple[int, Any]]:
    """Yield the readable items of a list and their numbers. Damaged items are counted as well.

    Parameters
    ----------
    file
        The file, positioned at its beginning.
    place
        Place of the items in the document.
    skipped
        Number of items at the beginning of the list that have already been read.
    notes
        Object to which messages about damaged items are added.
    noun
        Word for an item in the messages, for example "entry".
    """
    text = _Text(file)
    match = text.find(place.beginning)
    if match is None:
        notes.add("byte 0", f"The file is not valid JSON and contains no {noun}.")
        return
    text.at = match.end()
    yield from _items(text, place, skipped, notes, noun)
    notes.add("the whole file", f"The file is not valid JSON. Each {noun} was read separately.", record=False)


def _items(text: _Text, place: ResumePoint, skipped: int, notes: ReadingNotes, noun: str) -> Iterator[tuple[int, Any]]:
    number, names, after = 0, set(place.names), _FIRST_NAME
    while (match := text.find(after)) is not None:
        between = text.data[text.at : match.start()]
        if _list_ends(between):
            return
        number += len(_SCALAR.findall(between)) if after is _FIRST_NAME else 0
        text.at = match.start("item")
        number += 1
        size = _size(text)
        item = _parse(text.data[text.at : text.at + size]) if size else None
        if item is not None:
            names.add(match["name"])
            if number > skipped:
                yield number, item
        else:
            reason = "is not valid JSON" if size else "has an unclosed quote or bracket"
            notes.add(f"{noun} {number:,}, byte {text.position:,}", f"The {noun} {reason} and was skipped.")
        after = _FIRST_NAME if item is not None else _behind(names)
        text.at += size if item is not None else 1


def _behind(names: set[bytes]) -> re.Pattern[bytes]:
    """Return the pattern that finds the item after a damaged item, in which brackets may be unbalanced."""
    choice = b"|".join(map(re.escape, sorted(names)))
    return re.compile(rb'[\[,}\n]\s*(?P<item>\{\s*"(?P<name>' + choice + rb')"\s*:)')


def _list_ends(between: bytes) -> bool:
    """Return whether the bytes between two items contain the closing bracket of the list."""
    return b"]" in _TOKEN.sub(lambda m: b"" if m[0][:1] == b'"' else m[0], between).split(b"{")[0]


def _size(text: _Text) -> int:
    """Return the length of the item at the current position, or 0 if the item isn't complete."""
    depth, size = 0, 0
    while True:
        match = _TOKEN.search(text.data, text.at + size)
        if match is None or match[0] == b'"':
            if not text.more():
                return 0
            continue
        size = match.end() - text.at
        token = match[0]
        depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))
        if not depth:
            return size


def _parse(data: bytes) -> Any:
    """Parse an item. Control characters in strings, NaN and Infinity are accepted. Returns None if it is not JSON."""
    try:
        item = json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) and item else None
