"""Where a cell's source stands: its name, its first line, and its text for whoever draws an error."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

from wasmnb.compiler.source.filter_source import Part

__all__ = ["CellPlace", "cell_id", "cell_part", "place_of"]


@dataclass(frozen=True, slots=True)
class CellPlace:
    """`filename` as IPython names a cell; `first_line` is the line of the cell that the source begins on."""

    filename: str
    first_line: int


def place_of(shell: Any, body: str) -> CellPlace:
    """Place of the body of the cell magic that is running; the whole cell's text goes to `linecache`.

    The lines are those that the notebook shows, so the line of the magic itself is line 1.
    """
    # Not `execution_count`, which newer versions of IPython raise before they run a cell and older ones after.
    name = f"Cell In[{shell.displayhook.prompt_count}]"
    raw = _raw_cell(shell, body)
    lines = [f"{line}\n" for line in raw.split("\n")]  # as of files: `traceback` counts on every line's end
    # No modification time: `linecache.checkcache` then leaves the entry alone.
    linecache.cache[name] = (len(raw), None, lines, name)
    return CellPlace(name, raw[: raw.rindex(body.rstrip("\n"))].count("\n") + 1)


def cell_part(shell: Any, body: str) -> Part:
    """The body of the cell magic that is running, as a part of a filter."""
    place = place_of(shell, body)
    return Part(body, place.filename, place.first_line)


def cell_id(shell: Any) -> str | None:
    """Identity of the cell that is running, as far as the front-end tells."""
    try:
        parent = shell.kernel.get_parent("shell")
    except AttributeError:
        return None
    found = (parent or {}).get("metadata", {}).get("cellId")
    return found if isinstance(found, str) else None


def _raw_cell(shell: Any, body: str) -> str:
    """The cell as it was typed; if the history does not have it, the body under a line for the magic."""
    history = getattr(shell, "history_manager", None)
    raw = history.input_hist_raw[-1] if history is not None and history.input_hist_raw else ""
    typed = body.rstrip("\n")  # IPython ends the body with a line break, whether or not the cell has one
    return raw if typed and typed in raw else f"%%wasmfilter\n{body}"
