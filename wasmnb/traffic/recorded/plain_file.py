"""Open files as UTF-8 bytes. Compressed files are decompressed, UTF-16 is converted, and byte order marks are skipped."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from ...abi.text import encode_text

__all__ = ["COMPRESSED", "PlainFile", "open_plain"]

#: First bytes of a compressed file -> function that opens it.
_OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}

#: Suffixes of compressed files. The preceding suffix shows the format, as in `day.har.gz`.
COMPRESSED = (".gz", ".bz2", ".xz")

#: Byte order mark -> encoding.
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class PlainFile(NamedTuple):
    """A file that has been opened by `open_plain`.

    Attributes
    ----------
    file
        The open file, positioned after its byte order mark.
    damage
        Function that returns a sentence if a part of a compressed file could not be read, or an empty string.
    """

    file: IO[bytes]
    damage: Callable[[], str]


class _Unpacked(io.RawIOBase):
    """A compressed file that ends at the first damaged byte, instead of raising an error."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self.damage = ""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any, /) -> int:
        try:
            data = self._file.read1(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            self.damage = f"The compressed file is incomplete or damaged ({error}). Only the part before was read."
            return 0
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_plain(path: Path, *, mapped: bool = False) -> Iterator[PlainFile]:
    """Open a file for reading, positioned after its byte order mark.

    Parameters
    ----------
    path
        Path of the file.
    mapped
        Whether the file must be mappable into memory (default False). If so, a compressed file is decompressed to a temporary
        file.
    """
    with path.open("rb") as raw:
        head = raw.read(8)
        raw.seek(0)
        opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)
        unpacked = None if opener is None else _Unpacked(opener(raw))
        file: IO[bytes] = raw if unpacked is None else cast("IO[bytes]", io.BufferedReader(unpacked, 1 << 16))
        start = file.read(4)
        mark, encoding = next(((m, e) for m, e in _MARKS if start.startswith(m)), (b"", "utf-8"))
        file.seek(len(mark))

        def damage() -> str:
            return "" if unpacked is None else unpacked.damage

        if encoding == "utf-8" and (opener is None or not mapped):
            yield PlainFile(file, damage)
            return
        with tempfile.TemporaryFile() as copy:
            decoder = codecs.getincrementaldecoder(encoding)("replace")
            while data := file.read(1 << 16):
                copy.write(data if encoding == "utf-8" else encode_text(decoder.decode(data)))
            copy.seek(0)
            yield PlainFile(cast("IO[bytes]", copy), damage)
