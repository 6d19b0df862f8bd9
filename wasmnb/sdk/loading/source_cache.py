"""Functions that compile a filter's source, and store its text in `linecache` for tracebacks."""

import linecache
from types import CodeType
from typing import Any

__all__ = ["MODULE_NAME", "compile_source", "store_source"]

#: Name of the module in which a filter's source runs.
MODULE_NAME = "wasmnb_filter"


def compile_source(text: str, filename: str, first_line: int = 1) -> CodeType:
    """Compile source text. In tracebacks, its first line is line `first_line` of the file."""
    try:
        return compile("\n" * (first_line - 1) + text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        if error.filename is None:  # the text contains null bytes
            error.filename = filename
        raise


def store_source(text: str, filename: str, first_line: int = 1, *, keep_others: bool = False) -> None:
    """Store a source's text in `linecache`, where tracebacks look it up.

    If the cached file already contains these lines, nothing changes. (The cached file of a native filter contains the
    notebook's whole cell.)

    Parameters
    ----------
    text, filename
        The source text, and the name of its file.
    first_line
        Line number of the first line in the file (default 1).
    keep_others
        Whether to keep other cached lines of the file, which belong to other parts of the source (default False).
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
