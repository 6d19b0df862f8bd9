"""`Source`: the text of a filter, as parts that run in one namespace and modules of its own."""

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
    """The text that a filter is compiled from.

    Attributes
    ----------
    parts
        `Part(text, filename, first_line)` objects, run in this order in one module. The last one is the filter's own cell
        or file.
    modules
        `LocalModule(name, text, filename, is_package)` objects that the parts, or each other, import.
    package
        Dotted name of the package for relative imports in the parts. Default: none.
    """

    parts: tuple[Part, ...]
    modules: tuple[LocalModule, ...] = ()
    package: str = ""

    def __post_init__(self) -> None:
        if not self.parts:
            raise UsageError("A source needs at least one part.")
        for text, filename, _ in self.places():
            _check_text(text, filename)

    @property
    def text(self) -> str:
        """Text of all parts, joined."""
        return "\n\n".join(part.text for part in self.parts)

    @property
    def filename(self) -> str:
        """File name of the last part in tracebacks."""
        return self.parts[-1].filename

    @cached_property
    def payload(self) -> bytes:
        """The source in the form that a VM's memory holds."""
        return pack(self.parts, self.modules, self.package)

    def places(self) -> Iterator[Part]:
        """Yield every text with its file name and first line, modules included."""
        yield from self.parts
        yield from (Part(m.text, m.filename) for m in self.modules)


def _check_text(text: str, filename: str) -> None:
    try:
        text.encode()
        filename.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise SourceError(
            "the source or its file name contains half a surrogate pair, which isn't valid text", filename=filename
        ) from None


def read_file(path: Path) -> bytes:
    """Read a file of the user; raise `UsageError` if that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"Can't read {path}: {error.strerror or error}") from None


def file_part(path: Path, data: bytes) -> Part:
    """Make a part of a file's contents; raise `SourceError` if they aren't UTF-8."""
    try:
        return Part(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise SourceError("the file isn't UTF-8 text", filename=str(path)) from None
