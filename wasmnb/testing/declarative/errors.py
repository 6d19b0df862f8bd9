"""What a malformed test file gets: file, line, field, and what was expected there."""

from __future__ import annotations

from ...errors import UsageError

__all__ = ["FixtureError", "SourceLocation"]


class SourceLocation:
    """Somewhere in a file.

    Attributes
    ----------
    file
        As the caller named it.
    line
        1-based; 0 if the file as a whole is meant.
    field
        Path of the field from the root, `test.request_headers.input`; empty at the root.
    """

    __slots__ = ("field", "file", "line")

    def __init__(self, file: str, line: int = 0, field: str = "") -> None:
        self.file = file
        self.line = line
        self.field = field

    def at(self, line: int) -> SourceLocation:
        """The same field, another line."""
        return SourceLocation(self.file, line, self.field)

    def into(self, name: str, line: int) -> SourceLocation:
        """A field inside this one; line 0 if it is not known, and this one's is the nearest."""
        return SourceLocation(self.file, line or self.line, f"{self.field}.{name}" if self.field else name)

    def __str__(self) -> str:
        """`file:line, field x.y`, as far as it is known."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}, field {self.field}" if self.field else where


class FixtureError(UsageError):
    """A test file that cannot be read.

    Attributes
    ----------
    place
        File, line and field.
    """

    def __init__(self, message: str, place: SourceLocation) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
