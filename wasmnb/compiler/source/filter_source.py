"""`Source`: everything of a filter that is text. Parts that run in order in one namespace, and modules of its own."""

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
    """What a filter is made from.

    Attributes
    ----------
    parts
        (text, filename, first_line) each; they run in this order in one module. The last one is what the user asked for.
    modules
        (name, text, filename, is_package) each: modules and packages that the parts, or each other, import.
    package
        Dotted name of the package that relative imports in the parts start from; empty if there is none.
    """

    parts: tuple[Part, ...]
    modules: tuple[LocalModule, ...] = ()
    package: str = ""

    def __post_init__(self) -> None:
        if not self.parts:
            raise UsageError("A source has at least one part.")
        for text, filename, _ in self.places():
            _check_text(text, filename)

    @property
    def text(self) -> str:
        """The parts' text, one after the other."""
        return "\n\n".join(part.text for part in self.parts)

    @property
    def filename(self) -> str:
        """What tracebacks call the last part."""
        return self.parts[-1].filename

    @cached_property
    def payload(self) -> bytes:
        """How it lies in a VM's memory."""
        return pack(self.parts, self.modules, self.package)

    def places(self) -> Iterator[Part]:
        """Every piece of text with its file name and first line, modules included."""
        yield from self.parts
        yield from (Part(m.text, m.filename) for m in self.modules)


def _check_text(text: str, filename: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SourceError("the source holds half a surrogate pair, which is no text", filename=filename) from None


def read_file(path: Path) -> bytes:
    """A file that the user named; raises `UsageError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def file_part(path: Path, data: bytes) -> Part:
    """A file's text, under its own name; raises `SourceError` if it is no text."""
    try:
        return Part(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise SourceError("the file is not UTF-8 text", filename=str(path)) from None
