"""Name, id and text of the running cell, and the position of a filter's source in that cell.

Tracebacks and messages use them to refer to the cell.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

from wasmnb.compiler.dependencies.filter_source import Part

__all__ = ["CellPosition", "cell_id", "cell_name", "cell_part", "position_of"]


@dataclass(frozen=True, slots=True)
class CellPosition:
    """Position of a filter's source in a notebook cell.

    Attributes
    ----------
    filename
        Name of the cell in IPython's tracebacks, for example `Cell In[3]`.
    first_line
        Line of the cell on which the source begins, counted from 1.
    """

    filename: str
    first_line: int


def position_of(shell: Any, body: str) -> CellPosition:
    """Return the position of `body`, which is the source below the running cell magic.

    The cell's text is stored in `linecache`, so that tracebacks can show its lines. As in the notebook, the line of the magic
    is line 1.
    """
    # `execution_count` can't be used: newer versions of IPython increment it before they run a cell, older ones afterwards.
    name = f"Cell In[{shell.displayhook.prompt_count}]"
    raw = _raw_cell(shell, body)
    lines = [f"{line}\n" for line in raw.split("\n")]  # `traceback` expects every line to end with a line break
    # `linecache.checkcache` keeps entries without a modification time.
    linecache.cache[name] = (len(raw), None, lines, name)
    return CellPosition(name, raw[: raw.rindex(body.rstrip("\n"))].count("\n") + 1)


def cell_part(shell: Any, body: str) -> Part:
    """Return `body`, which is the source below the running cell magic, as a part of a filter."""
    position = position_of(shell, body)
    return Part(body, position.filename, position.first_line)


def cell_id(shell: Any) -> str | None:
    """Return the id of the running cell, or None if the front end doesn't send ids."""
    try:
        parent = shell.kernel.get_parent("shell")
    except AttributeError:
        return None
    identity = (parent or {}).get("metadata", {}).get("cellId")
    return identity if isinstance(identity, str) else None


def cell_name(shell: Any) -> str:
    """Return the running cell's name for display, for example `cell 8`."""
    return f"cell {shell.displayhook.prompt_count}"


def _raw_cell(shell: Any, body: str) -> str:
    """Return the text of the running cell, or `body` below a magic if IPython's history doesn't contain the cell."""
    history = getattr(shell, "history_manager", None)
    raw = history.input_hist_raw[-1] if history is not None and history.input_hist_raw else ""
    typed = body.rstrip("\n")  # IPython adds a line break to the body
    return raw if typed and typed in raw else f"%%wasmfilter\n{body}"
