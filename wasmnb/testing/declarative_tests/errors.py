"""The error for malformed test files, and the location (file, line and field) that it reports."""

from __future__ import annotations

from ...errors import UsageError

__all__ = ["FixtureError", "SourceLocation"]


class SourceLocation:
    """A position in a test file.

    Parameters
    ----------
    file
        Name of the file, as passed by the caller.
    line
        Line number, counted from 1. 0 means the whole file (default 0).
    field
        Path of the field from the root, such as `test.request_headers.input` (default '': the root).
    """

    __slots__ = ("field", "file", "line")

    def __init__(self, file: str, line: int = 0, field: str = "") -> None:
        self.file = file
        self.line = line
        self.field = field

    def at(self, line: int) -> SourceLocation:
        """Return the location of the same field on another line."""
        return SourceLocation(self.file, line, self.field)

    def into(self, name: str, line: int) -> SourceLocation:
        """Return the location of a field inside this field. If `line` is 0 (unknown), the line of this field is used."""
        return SourceLocation(self.file, line or self.line, f"{self.field}.{name}" if self.field else name)

    def __str__(self) -> str:
        """Return text such as `file:line, field x.y`. Unknown parts are omitted."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}, field {self.field}" if self.field else where


class FixtureError(UsageError):
    """A test file is malformed.

    Parameters
    ----------
    message
        Description of the mistake.
    place
        Location of the mistake.

    Attributes
    ----------
    place
        Location of the mistake: file, line and field.
    """

    def __init__(self, message: str, place: SourceLocation) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
