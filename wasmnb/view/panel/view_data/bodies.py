"""Convert the bodies of a message before and after the filter to JSON, in several forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

from wasmnb.view.documents.traffic.body import body_forms, body_kind
from wasmnb.view.render.escape import NEWLINES, visible

__all__ = ["bodies", "body"]

LINES = 400  # maximum number of lines of bodies that are compared
CHUNKS = 50  # maximum number of chunks whose sizes are listed


def body(
    side: str, data: bytes, kind: str = "", *, changed: bool = False, chunks: Iterable[bytes] | None = None
) -> Any:
    """Return a body as JSON.

    Parameters
    ----------
    side
        Sender or receiver of the body, for example `client sent`.
    data
        The body.
    kind
        Content type of the body. Empty if unknown (default '').
    changed
        Whether the filter changed the body (default False).
    chunks
        The chunks in which the body was sent, or None if unknown (default None).
    """
    sizes = [] if chunks is None else [len(chunk) for chunk in chunks]
    return {
        "who": side,
        "size": len(data),
        "kind": body_kind(data, kind),
        "forms": {name: visible(text, keep=NEWLINES) for name, text in body_forms(data, kind).items()},
        "changed": changed,
        "chunk_sizes": sizes[:CHUNKS],
        "chunk_count": len(sizes),
    }


def bodies(stations: list[Any]) -> list[Any]:
    """Add the form `changes`, a line-by-line comparison, to the second of two different bodies.

    Parameters
    ----------
    stations
        Results of `body` for the body before and after the filter.
    """
    if len(stations) == 2 and stations[1]["changed"]:
        form = "json" if all("json" in m["forms"] for m in stations) else "text"
        if all(form in m["forms"] for m in stations):
            before, after = (m["forms"][form].split("\n") for m in stations)
            if max(len(before), len(after)) <= LINES:
                stations[1]["forms"] = {"changes": "\n".join(_changes(before, after)), **stations[1]["forms"]}
    return stations


def _changes(before: list[str], after: list[str]) -> Iterator[str]:
    """Yield the lines of two texts, marked by `-` if removed and by `+` if added."""
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (f"  {line}" for line in before[i:i_end])
        else:
            yield from (f"- {line}" for line in before[i:i_end])
            yield from (f"+ {line}" for line in after[j:j_end])
