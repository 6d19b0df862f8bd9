"""The file formats of recordings. A format is recognised by the contents of the file or by its suffix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UsageError
from .exchange import ReadingNotes, RecordedExchange
from .plain_file import COMPRESSED, open_plain
from .readers.access_log import read_access_log
from .readers.curl_commands import read_curl
from .readers.har import read_har
from .readers.http_text import REQUEST_LINE, read_http_text
from .readers.own_format import read_jsonl
from .readers.tap import read_tap_json, read_tap_protobuf

__all__ = ["FORMATS", "FileFormat", "read_file", "recognise"]

#: Number of bytes that are read to recognise the format.
_HEAD = 1 << 16

_TAP = re.compile(rb'(?i)"(http_?buffered_?trace|http_?streamed_?trace_?segment|socket_?(buffered|streamed)_?trace)')
_HAR = re.compile(rb'"(log|entries)"\s*:\s*[{\[]')
_OWN = re.compile(rb'\A\{\s*"request"\s*:\s*\{')
_CURL = re.compile(
    rb"(?i)\A(?:(?:#|::|rem )[^\n]*\n|\$ |\s)*(?:(?:\S*/)?curl(?:\.exe)?\s|\$session\s*=|Invoke-(?:WebRequest|RestMethod)\s)"
)


class FileFormat(NamedTuple):
    """A file format of recordings.

    Attributes
    ----------
    title
        Name of the format in messages.
    suffixes
        File suffixes, which are used if the format can't be recognised from the contents.
    read
        Generator function that yields the exchanges. Its parameters are the open file, the notes and options.
    mapped
        Whether the reader maps the file into memory. Compressed files are decompressed first.
    """

    title: str
    suffixes: tuple[str, ...]
    read: Callable[..., Iterator[RecordedExchange]]
    mapped: bool = False


#: Value of `format=` of `read_traffic` -> format.
FORMATS: dict[str, FileFormat] = {
    "har": FileFormat("HAR", (".har",), read_har),
    "jsonl": FileFormat("wasmnb's JSON lines", (".jsonl", ".ndjson"), read_jsonl),
    "tap": FileFormat("Envoy tap as JSON", (".tap",), read_tap_json),
    "tap_protobuf": FileFormat("Envoy tap as protobuf", (".pb", ".pb_length_delimited"), read_tap_protobuf, True),
    "access_log": FileFormat("Envoy's access log as JSON", (".log", ".json"), read_access_log),
    "curl": FileFormat("curl commands", (".curl", ".sh", ".cmd", ".bat", ".ps1"), read_curl),
    "http": FileFormat("raw HTTP/1", (".http", ".txt", ".raw"), read_http_text, True),
}


def recognise(path: Path) -> str:
    """Return the name of a file's format. It is recognised by the contents of the file or else by its suffix.

    Raises
    ------
    UsageError
        The file can't be read, is an archive, or is in none of the formats.
    """
    try:
        with open_plain(path) as plain:
            head = plain.file.read(_HEAD)
    except OSError as error:
        raise UsageError(f"The recording {str(path)!r} can't be read: {error.strerror or error}.") from None
    if head.startswith((b"PK\x03\x04", b"\x28\xb5\x2f\xfd")):
        raise UsageError(
            f"The recording {str(path)!r} is an archive, which can't be read. Unpack it, or compress the file with gzip, bzip2 or xz."
        )
    suffix = path.with_suffix("").suffix if path.suffix.lower() in COMPRESSED else path.suffix
    by_suffix = next((name for name, known in FORMATS.items() if suffix.lower() in known.suffixes), "")
    name = _by_content(head, by_suffix)
    if not name:
        titles = ", ".join(known.title for known in FORMATS.values())
        raise UsageError(f"The format of {str(path)!r} is unknown. Use {titles}, or set the format with format=.")
    return name


def _by_content(head: bytes, by_suffix: str) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return by_suffix or "jsonl"
    if text[:1] in b"{[":
        return _json(text, by_suffix)
    if by_suffix == "tap_protobuf" or _is_protobuf(head):
        return "tap_protobuf"
    if _CURL.match(text):
        return "curl"
    first = text.partition(b"\n")[0].rstrip(b"\r")
    match = REQUEST_LINE.fullmatch(first)
    if text.startswith(b"###") or first.startswith(b"HTTP/") or (match is not None and match[3]):
        return "http"
    return by_suffix


def _json(text: bytes, by_suffix: str) -> str:
    if _TAP.search(text):
        return "tap"
    if text[:1] == b"[" and b'"request"' in text:
        return "har"  # a list of entries without the document around it
    if by_suffix == "har" or _OWN.match(text):
        return "har" if by_suffix == "har" else "jsonl"
    try:
        first = json.loads(text.partition(b"\n")[0])
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict) and "log" not in first:
        return "jsonl" if isinstance(first.get("request"), dict) else "har" if "entries" in first else "access_log"
    if _HAR.search(text):
        return "har"
    return by_suffix or ("har" if text[:1] == b"{" else "")


def _is_protobuf(head: bytes) -> bool:
    """Return whether a file begins like a protobuf trace, with or without its length, and contains control characters."""
    control = any(byte < 9 or 13 < byte < 32 for byte in head[:64])
    start = next((index for index, byte in enumerate(head[:10]) if byte < 0x80), 9) + 1
    return control and (head[:1] in (b"\x0a", b"\x12") or head[start : start + 1] in (b"\x0a", b"\x12"))


def read_file(path: Path, name: str, notes: ReadingNotes, options: dict[str, Any]) -> Iterator[RecordedExchange]:
    """Yield the exchanges of one file of a recording.

    Parameters
    ----------
    path
        Path of the file.
    name
        Name of its format, a key of `FORMATS`.
    notes
        Object to which messages about unreadable parts are added.
    options
        Options of the format's reader.
    """
    with open_plain(path, mapped=FORMATS[name].mapped) as plain:
        start = plain.file.tell()
        if not plain.file.read(1):
            notes.add("byte 0", plain.damage() or "The file is empty.", record=False)
            return
        plain.file.seek(start)
        yield from FORMATS[name].read(plain.file, notes, **options)
        if plain.damage():
            notes.add("at its end", plain.damage(), record=False)
