"""Removal of comments, docstrings and other strings without an effect from Python source. Line numbers don't change.

This file runs in the Python inside the runtime (`..source_filter`), which also compiles the source. So the result doesn't
depend on the notebook's Python.
"""

import ast
import io
import tokenize

__all__ = ["strip_all"]

#: A source that contains one of these words reads docstrings, so docstrings are kept.
_READERS = ("__doc__", "getdoc", "doctest")


def strip_all(texts: list[str]) -> list[str]:
    """Return the texts of a filter without comments and docstrings.

    Parameters
    ----------
    texts
        Sources, which must be valid Python. If one of them reads docstrings (`__doc__`), the docstrings of all are kept.

    Raises
    ------
    ValueError
        The result would behave differently. This is a bug in wasmnb.
    """
    keep = any(word in text for text in texts for word in _READERS)
    return [_strip(text, keep_docstrings=keep) for text in texts]


def _strip(text: str, *, keep_docstrings: bool) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    for row, start, end in _comments(text):
        lines[row] = lines[row][:start].rstrip() + lines[row][end:]
    tree = ast.parse(text)
    if not keep_docstrings:
        for statement, is_needed in sorted(_strings(tree), key=lambda string: _position(string[0]), reverse=True):
            _remove(lines, statement, is_needed=is_needed)
    stripped = "\n".join(lines)
    if _outline(ast.parse(stripped), keep_docstrings) != _outline(tree, keep_docstrings):
        raise ValueError("the source would behave differently without comments and docstrings")
    return stripped


def _comments(text: str) -> list[tuple[int, int, int]]:
    """Return the line (counted from 0), start column and end column of every comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(t.start[0] - 1, t.start[1], t.end[1]) for t in tokens if t.type == tokenize.COMMENT]


def _bodies(tree: ast.Module) -> list[list[ast.stmt]]:
    """Return all lists of statements in a syntax tree."""
    fields = (value for node in ast.walk(tree) for _, value in ast.iter_fields(node))
    return [value for value in fields if isinstance(value, list) and value and isinstance(value[0], ast.stmt)]


def _strings(tree: ast.Module) -> list[tuple[ast.stmt, bool]]:
    """Return the statements that are only a string, and whether each must be replaced by another statement."""
    return [
        (statement, statement is body[0] and body is not tree.body and all(map(_is_string, body)))
        for body in _bodies(tree)
        for statement in body
        if _is_string(statement)
    ]


def _is_string(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str | bytes)


def _position(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


def _remove(lines: list[str], statement: ast.stmt, *, is_needed: bool) -> None:
    """Replace a statement with empty lines, or with a statement without effect.

    The latter is used if the lines contain other code, or if Python's syntax requires a statement.
    """
    assert statement.end_lineno is not None
    assert statement.end_col_offset is not None
    first, last = statement.lineno - 1, statement.end_lineno - 1
    before = lines[first].encode()[: statement.col_offset].decode()
    after = lines[last].encode()[statement.end_col_offset :].decode()
    is_alone = not before.strip() and not after.strip()
    # `from __future__` can follow a string, but not `pass`.
    instead = "pass" if before.strip() or is_needed else '""'
    lines[first] = "" if is_alone and not is_needed else f"{before}{instead}{after}".rstrip()
    lines[first + 1 : last + 1] = [""] * (last - first)


def _outline(tree: ast.Module, keep_docstrings: bool) -> str:
    """Return a dump of the syntax tree without `pass` and docstrings. Sources with the same dump behave the same."""
    for body in [] if keep_docstrings else _bodies(tree):
        body[:] = [s for s in body if not (_is_string(s) or isinstance(s, ast.Pass))]
    return ast.dump(tree)
