"""Items of a list in a document that isn't JSON as a whole: a damaged item doesn't affect the others.

Tools write NaN, raw control characters, comments and superfluous commas, and editors leave quotes open. The list is divided
by brackets outside of strings, and each item is parsed alone. Behind a damaged item the next one is found by its first name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from ..exchange import ReadingNotes

__all__ = ["Place", "salvage"]

_CHUNK = 1 << 20

#: Longest item that is looked at.
_LONGEST = 1 << 26

#: A string, a bracket, or the quote of a string that goes on behind the bytes.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
_FIRST_NAME = re.compile(rb'(?P<item>\{\s*"(?P<name>(?:[^"\\]|\\.){1,100})"\s*:)')
_SCALAR = re.compile(rb"\b(?:null|true|false|[0-9.]+)\b")


class Place(NamedTuple):
    """Where items are in a document.

    Attributes
    ----------
    beginning
        Pattern that matches up to the bracket of the list, or nothing if there is none.
    names
        Names that items begin with; those of the other items of the file are added.
    """

    beginning: re.Pattern[bytes]
    names: tuple[bytes, ...]


class _Text:
    """A part of a file, and the place in it where the next item is looked for.

    Attributes
    ----------
    data, at
        The bytes, and the place in them.
    at_end
        The file has no further bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = file.tell()
        self.data, self.at, self.at_end = b"", 0, False

    @property
    def position(self) -> int:
        """The place in the file."""
        return self._end - len(self.data) + self.at

    def more(self) -> bool:
        """Forget the bytes before the place and read a further part; return whether there was one."""
        kept = self.data[self.at :]
        data = self._file.read(max(_CHUNK, len(kept)))
        self.at_end = not data
        self._end += len(data)
        self.data, self.at = kept + data, 0
        return bool(data) and len(self.data) < _LONGEST

    def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Return the first match, and read as far as it needs."""
        while (match := pattern.search(self.data, self.at)) is None:
            if not self.more() and self.at_end:
                return None
            if len(self.data) >= _LONGEST:
                self.at = len(self.data) - _CHUNK
        return match


def salvage(file: IO[bytes], place: Place, skipped: int, notes: ReadingNotes, noun: str) -> Iterator[tuple[int, Any]]:
    """Iterate over the items of a list with their numbers, which count damaged ones.

    Parameters
    ----------
    file
        The file, at its beginning.
    place
        Where the items are.
    skipped
        Number of items at the beginning of the list that were read already.
    notes, noun
        Object that collects messages about damaged items, and the word for an item in them.
    """
    text = _Text(file)
    match = text.find(place.beginning)
    if match is None:
        notes.add("byte 0", f"The JSON is not valid, and no {noun} was found.")
        return
    text.at = match.end()
    yield from _items(text, place, skipped, notes, noun)
    notes.add("the whole file", f"It is not valid JSON; each {noun} was read on its own.", record=False)


def _items(text: _Text, place: Place, skipped: int, notes: ReadingNotes, noun: str) -> Iterator[tuple[int, Any]]:
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
            notes.add(f"{noun} {number:,}, byte {text.position:,}", f"The {noun} {reason} and was left out.")
        after = _FIRST_NAME if item is not None else _behind(names)
        text.at += size if item is not None else 1


def _behind(names: set[bytes]) -> re.Pattern[bytes]:
    """Return what an item begins with behind a damaged one, whose brackets can't be trusted."""
    choice = b"|".join(map(re.escape, sorted(names)))
    return re.compile(rb'[\[,}\n]\s*(?P<item>\{\s*"(?P<name>' + choice + rb')"\s*:)')


def _list_ends(between: bytes) -> bool:
    """Return whether a bracket closes the list in front of the next match."""
    return b"]" in _TOKEN.sub(lambda m: b"" if m[0][:1] == b'"' else m[0], between).split(b"{")[0]


def _size(text: _Text) -> int:
    """Return the length of the item at the beginning; 0 if it has no end."""
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
    """Return an item, or None if it isn't JSON. Control characters in strings, NaN and Infinity are accepted."""
    try:
        item = json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) and item else None
