"""A body at two stations, in the forms in which it can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

from wasmnb.view.documents.traffic.body import body_forms, body_kind
from wasmnb.view.render.escape import NEWLINES, visible

__all__ = ["bodies", "body"]

LINES = 400  # of a text that is compared line by line
CHUNKS = 50  # whose sizes are listed


def body(who: str, data: bytes, kind: str = "", *, changed: bool = False, chunks: Iterable[bytes] | None = None) -> Any:
    """One body at one station.

    Parameters
    ----------
    kind
        Content type.
    chunks
        The pieces in which it came.
    """
    sizes = [] if chunks is None else [len(chunk) for chunk in chunks]
    return {
        "who": who,
        "size": len(data),
        "kind": body_kind(data, kind),
        "forms": {name: visible(text, keep=NEWLINES) for name, text in body_forms(data, kind).items()},
        "changed": changed,
        "chunk_sizes": sizes[:CHUNKS],
        "chunk_count": len(sizes),
    }


def bodies(made: list[Any]) -> list[Any]:
    """The stations' bodies; two that differ get a third form, the difference line by line."""
    if len(made) == 2 and made[1]["changed"]:
        form = "json" if all("json" in m["forms"] for m in made) else "text"
        if all(form in m["forms"] for m in made):
            before, after = (m["forms"][form].split("\n") for m in made)
            if max(len(before), len(after)) <= LINES:
                made[1]["forms"] = {"changes": "\n".join(_changes(before, after)), **made[1]["forms"]}
    return made


def _changes(before: list[str], after: list[str]) -> Iterator[str]:
    """Both texts in one, each line with its sign."""
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (f"  {line}" for line in before[i:i_end])
        else:
            yield from (f"- {line}" for line in before[i:i_end])
            yield from (f"+ {line}" for line in after[j:j_end])
