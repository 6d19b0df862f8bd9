"""Compiles sources, and stores their text in `linecache` for tracebacks."""

import linecache
from types import CodeType
from typing import Any

__all__ = ["MODULE_NAME", "compile_source", "store_source"]

#: Name of the module that a source becomes.
MODULE_NAME = "wasmnb_filter"


def compile_source(text: str, filename: str, first_line: int = 1) -> CodeType:
    """Compile a text whose first line is line `first_line` of its file."""
    try:
        return compile("\n" * (first_line - 1) + text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        if error.filename is None:  # null bytes
            error.filename = filename
        raise


def store_source(text: str, filename: str, first_line: int = 1, *, keep_others: bool = False) -> None:
    """Store a source's text for tracebacks.

    A file that already has these lines stays unchanged: for a native filter, it has the notebook's whole cell.

    Parameters
    ----------
    text, filename
        The source and its file.
    first_line
        Number of its first line in the file (default 1).
    keep_others
        Whether to keep the other lines of the file, which belong to other parts of the source (default False).
    """
    lines = text.splitlines(keepends=True)
    known: tuple[Any, ...] = linecache.cache.get(filename, ())
    before: list[str] = known[2] if len(known) == 4 else []
    start, end = first_line - 1, first_line - 1 + len(lines)
    if [line.rstrip("\n") for line in before[start:end]] == text.splitlines():
        return
    new = [*before, *["\n"] * (end - len(before))] if keep_others else ["\n"] * end
    new[start:end] = lines
    linecache.cache[filename] = (sum(map(len, new)), None, new, filename)
