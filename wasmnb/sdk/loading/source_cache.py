"""The text of sources, for tracebacks: `linecache` has it by file name."""

import linecache
from types import CodeType
from typing import Any

__all__ = ["MODULE_NAME", "compiled", "remember"]

#: Name of the module that a source becomes.
MODULE_NAME = "wasmnb_filter"


def compiled(text: str, filename: str, first_line: int = 1) -> CodeType:
    """Code of a text whose first line has this number in its file."""
    try:
        return compile("\n" * (first_line - 1) + text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        if error.filename is None:  # null bytes
            error.filename = filename
        raise


def remember(text: str, filename: str, first_line: int = 1, *, among: bool = False) -> None:
    """Keep a source's text for tracebacks.

    A file or cell that is known with this text in its place stays as it is: natively it is the notebook's own, and whole.

    Parameters
    ----------
    among
        Keep the lines that are known of this file: other parts of the source are in it, too.
    """
    lines = text.splitlines(keepends=True)
    known: tuple[Any, ...] = linecache.cache.get(filename, ())
    before: list[str] = known[2] if len(known) == 4 else []
    start, end = first_line - 1, first_line - 1 + len(lines)
    if [line.rstrip("\n") for line in before[start:end]] == text.splitlines():
        return
    new = [*before, *["\n"] * (end - len(before))] if among else ["\n"] * end
    new[start:end] = lines
    linecache.cache[filename] = (sum(map(len, new)), None, new, filename)
