"""The class `Source`: the parts of a filter's source, which run in one namespace, and the filter's own modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...errors import SourceError, UsageError
from ...sdk.loading.parts import LocalModule, Part, pack

__all__ = ["LocalModule", "Part", "Source", "file_part", "read_file"]


@dataclass(frozen=True)
class Source:
    """The source from which a filter is compiled.

    Attributes
    ----------
    parts
        `Part(text, filename, first_line)` objects, which run in this order in one module. The last one is the cell or file with
        the filter.
    modules
        `LocalModule(name, text, filename, is_package)` objects that the parts or other modules import (default none).
    package
        Dotted name of the package against which relative imports in the parts are resolved (default none).
    """

    parts: tuple[Part, ...]
    modules: tuple[LocalModule, ...] = ()
    package: str = ""

    def __post_init__(self) -> None:
        if not self.parts:
            raise UsageError("The source has no parts. Pass at least one Part(text, filename).")
        for text, filename, _ in self.places():
            _check_text(text, filename)

    @property
    def text(self) -> str:
        """Text of all parts, joined with blank lines."""
        return "\n\n".join(part.text for part in self.parts)

    @property
    def filename(self) -> str:
        """File name of the last part, as shown in tracebacks."""
        return self.parts[-1].filename

    @cached_property
    def payload(self) -> bytes:
        """The source as bytes, as it is stored in a VM's memory."""
        return pack(self.parts, self.modules, self.package)

    def places(self) -> Iterator[Part]:
        """Yield every text of the source with its file name and first line. Modules come last."""
        yield from self.parts
        yield from (Part(m.text, m.filename) for m in self.modules)


def _check_text(text: str, filename: str) -> None:
    try:
        text.encode()
        filename.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise SourceError(
            "the source or its file name contains half of a surrogate pair, which isn't valid text",
            filename=filename,
            hint="Remove the character.",
        ) from None


def read_file(path: Path) -> bytes:
    """Return the content of a user's file. Raises `UsageError` if the file can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"Can't read {path}: {error.strerror or error}. Pass the path of a file that you can read."
        ) from None


def file_part(path: Path, data: bytes) -> Part:
    """Convert the content of a file to a part of a source. Raises `SourceError` if the content isn't UTF-8."""
    try:
        return Part(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise SourceError("the file isn't UTF-8 text", filename=str(path), hint="Save it as UTF-8.") from None
