"""Error of a malformed test file, with file, line and field."""

from __future__ import annotations

from ...errors import UsageError

__all__ = ["FixtureError", "SourceLocation"]


class SourceLocation:
    """A position in a test file.

    Parameters
    ----------
    file
        Name of the file, as the caller wrote it.
    line
        Line from 1, or 0 for the file as a whole (default 0).
    field
        Path of the field from the root, such as `test.request_headers.input` (default empty, for the root).
    """

    __slots__ = ("field", "file", "line")

    def __init__(self, file: str, line: int = 0, field: str = "") -> None:
        self.file = file
        self.line = line
        self.field = field

    def at(self, line: int) -> SourceLocation:
        """Return the same field on another line."""
        return SourceLocation(self.file, line, self.field)

    def into(self, name: str, line: int) -> SourceLocation:
        """Return the location of a field inside this one. For line 0 (unknown) this one's line is used."""
        return SourceLocation(self.file, line or self.line, f"{self.field}.{name}" if self.field else name)

    def __str__(self) -> str:
        """Return `file:line, field x.y`, without unknown parts."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}, field {self.field}" if self.field else where


class FixtureError(UsageError):
    """A test file is malformed.

    Parameters
    ----------
    message
        Description of the mistake.
    place
        File, line and field.

    Attributes
    ----------
    place
        File, line and field.
    """

    def __init__(self, message: str, place: SourceLocation) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
