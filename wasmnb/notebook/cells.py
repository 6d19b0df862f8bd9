"""The position of a filter's source in its cell, for tracebacks and error messages."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

from wasmnb.compiler.dependencies.filter_source import Part

__all__ = ["CellPosition", "cell_id", "cell_name", "cell_part", "position_of"]


@dataclass(frozen=True, slots=True)
class CellPosition:
    """Position of a source in a cell.

    Attributes
    ----------
    filename
        Name of the cell as in IPython's tracebacks.
    first_line
        Number of the cell's line on which the source begins, from 1.
    """

    filename: str
    first_line: int


def position_of(shell: Any, body: str) -> CellPosition:
    """Return the position of the body of the running cell magic, and store the cell's text in `linecache`.

    Lines are counted as in the notebook: the magic itself is line 1.
    """
    # Not `execution_count`: newer versions of IPython increment it before they run a cell, older ones after.
    name = f"Cell In[{shell.displayhook.prompt_count}]"
    raw = _raw_cell(shell, body)
    lines = [f"{line}\n" for line in raw.split("\n")]  # `traceback` expects a line break at every end
    # Without a modification time, `linecache.checkcache` keeps the entry.
    linecache.cache[name] = (len(raw), None, lines, name)
    return CellPosition(name, raw[: raw.rindex(body.rstrip("\n"))].count("\n") + 1)


def cell_part(shell: Any, body: str) -> Part:
    """Return the body of the running cell magic as a part of a filter."""
    position = position_of(shell, body)
    return Part(body, position.filename, position.first_line)


def cell_id(shell: Any) -> str | None:
    """Return the id of the running cell, or None if the front end doesn't send it."""
    try:
        parent = shell.kernel.get_parent("shell")
    except AttributeError:
        return None
    identity = (parent or {}).get("metadata", {}).get("cellId")
    return identity if isinstance(identity, str) else None


def cell_name(shell: Any) -> str:
    """Return the name of the running cell for readers: `cell 8`."""
    return f"cell {shell.displayhook.prompt_count}"


def _raw_cell(shell: Any, body: str) -> str:
    """Return the cell as typed; if the history doesn't have it, the body below a line for the magic."""
    history = getattr(shell, "history_manager", None)
    raw = history.input_hist_raw[-1] if history is not None and history.input_hist_raw else ""
    typed = body.rstrip("\n")  # IPython adds a line break to the body
    return raw if typed and typed in raw else f"%%wasmfilter\n{body}"
