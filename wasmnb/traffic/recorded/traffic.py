"""`read_traffic`: open a recording as an iterable, which reads its files on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..._display import visible
from ...errors import UsageError
from .exchange import ReadingNotes, RecordedExchange
from .file_formats import FORMATS, read_file, recognise
from .masking import mask as mask_secrets
from .plain_file import open_plain

__all__ = ["RecordedTraffic", "read_traffic"]


class RecordedTraffic:
    """A recording. Each iteration reads the file from its beginning, one exchange at a time.

    Parameters
    ----------
    paths
        The files of the recording.
    formats
        Name of each file's format.
    name
        Name of the recording in messages.
    mask
        Whether to replace secrets by `***`.
    options
        Options of the formats' readers.

    Attributes
    ----------
    masked
        Number of secrets masked by the last iteration, by place: `request header authorization`, `query token`.
    exchanges
        Number of exchanges that the last iteration has yielded.
    """

    def __init__(
        self, paths: list[Path], formats: list[str], name: str, *, mask: bool, options: dict[str, Any]
    ) -> None:
        self.paths = paths
        self.formats = formats
        self.name = name
        self.mask = mask
        self.masked: Counter[str] = Counter()
        self.exchanges = 0
        self._options = options
        self._notes: list[ReadingNotes] = []

    @property
    def format(self) -> str:
        """Name of the format of the first file."""
        return self.formats[0] if self.formats else ""

    @property
    def messages(self) -> list[str]:
        """Messages of the last iteration about unreadable parts, each with the file and the position."""
        return [message for notes in self._notes for message in notes.messages]

    @property
    def unreadable(self) -> int:
        """Number of records that the last iteration skipped because they can't be read."""
        return sum(notes.unreadable for notes in self._notes)

    def __iter__(self) -> Iterator[RecordedExchange]:
        self._notes, self.masked, self.exchanges = [], Counter(), 0
        for path, name in zip(self.paths, self.formats, strict=True):
            notes = ReadingNotes(path.name)
            self._notes.append(notes)
            for recorded in read_file(path, name, notes, self._options):
                self.exchanges += 1
                yield mask_secrets(recorded, self.masked) if self.mask else recorded

    def lines(self) -> Iterator[bytes] | None:
        """Return an iterator over the lines of a recording in wasmnb's own format. Returns None for other formats.

        The lines are neither decoded nor masked, so that other processes can do this.
        """
        return self._lines() if self.formats and set(self.formats) == {"jsonl"} else None

    def _lines(self) -> Iterator[bytes]:
        for path in self.paths:
            with open_plain(path) as plain:
                yield from plain.file

    def __repr__(self) -> str:
        kinds = ", ".join(sorted({FORMATS[name].title for name in self.formats})) or "no files"
        read = f", {self.exchanges:,} exchanges read" if self.exchanges else ""
        return f"<RecordedTraffic {visible(self.name)}: {kinds}{read}>"


def read_traffic(
    path: str | PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 -- the public name
    mask: bool = True,
    fields: Mapping[str, str] | None = None,
) -> RecordedTraffic:
    """Open a recording of HTTP traffic.

    Parameters
    ----------
    path
        A file, or a folder of files (Envoy's tap filter writes one per trace). Formats are HAR 1.2, wasmnb's `.jsonl`, traces
        of Envoy's tap filter as JSON or protobuf, Envoy's access log as JSON, curl commands, and raw HTTP/1.
    format
        Name of the format: `har`, `jsonl`, `tap`, `tap_protobuf`, `access_log`, `curl` or `http` (default None: it is
        recognised by the contents and the suffix).
    mask
        Whether to replace credentials and cookies in headers and tokens in queries by `***` (default True).
    fields
        For an access log, part of an exchange -> its key in the log (default None), for example
        `{"method": "verb", "header:x-user": "user"}`.

    Returns
    -------
    RecordedTraffic
        An iterable of `RecordedExchange`. Parts that can't be read are skipped and described in `.messages`.

    Raises
    ------
    UsageError
        The file can't be opened, or its format is unknown.
    """
    path = Path(path).expanduser()
    if format is not None and format not in FORMATS:
        raise UsageError(f"format={format!r} is unknown. Use one of {', '.join(FORMATS)}.")
    paths = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")) if path.is_dir() else [path]
    recognised = [recognise(each) for each in paths]
    formats = recognised if format is None else [format] * len(paths)
    return RecordedTraffic(paths, formats, path.name, mask=mask, options={} if fields is None else {"fields": fields})
