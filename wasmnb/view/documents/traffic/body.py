"""Format bodies as indented JSON, plain text or a hex dump. Long bodies are shortened."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...render.units import plural, size

__all__ = ["body_forms", "body_kind", "body_text"]

TEXT_LIMIT = 4000  # maximum number of characters of a text
HEX_LIMIT = 256  # maximum number of bytes of a hex dump
JSON_LIMIT = 200_000  # maximum size in bytes of JSON that is indented


def _printable(text: str) -> bool:
    """Return whether at least 98 % of the first characters are printable."""
    sample = text[:2000]
    odd = sum(not (c.isprintable() or c in "\n\r\t") for c in sample)
    return odd * 50 <= len(sample)


def body_kind(data: bytes, content_type: str = "") -> str:
    """Return the form in which a body is best displayed: `empty`, `json`, `text` or `hex`.

    Parameters
    ----------
    data
        The body.
    content_type
        Content type of the body. Empty if unknown (default '').
    """
    if not data:
        return "empty"
    try:
        text = data[: JSON_LIMIT + 1].decode()
    except UnicodeDecodeError as error:
        if error.end < len(data[: JSON_LIMIT + 1]) - 4 or len(data) <= JSON_LIMIT:
            return "hex"
        text = data[: error.start].decode()
    if "json" in content_type or text.lstrip()[:1] in ("{", "["):
        return "json" if _indented(data) is not None else "text"
    return "text" if _printable(text) else "hex"


def _indented(data: bytes) -> str | None:
    if len(data) > JSON_LIMIT:
        return None
    try:
        return json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # clients may send JSON of any depth
        return None


def _hex_lines(data: bytes) -> Iterator[str]:
    for start in range(0, min(len(data), HEX_LIMIT), 16):
        row = data[start : start + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        yield f"{start:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}"


def _hex(data: bytes) -> str:
    omitted = f"\n… {size(len(data) - HEX_LIMIT)} more" if len(data) > HEX_LIMIT else ""
    return "\n".join(_hex_lines(data)) + omitted


def _text(data: bytes, text: str | None = None) -> str:
    """Return the beginning of a body. If `text` is its indented form, return the beginning of `text`."""
    text = data[: 4 * TEXT_LIMIT].decode("utf-8", "surrogateescape") if text is None else text
    text = text.replace("\r\n", "\n")
    if len(text) > TEXT_LIMIT or len(data) > 4 * TEXT_LIMIT:
        return f"{text[:TEXT_LIMIT]}\n… cut; the body has {plural(len(data), 'byte')}"
    return text


def body_text(data: bytes, content_type: str = "") -> str:
    """Return the text of a body in the form that `body_kind` selects."""
    kind = body_kind(data, content_type)
    if kind == "hex":
        return _hex(data)
    return _text(data, _indented(data) if kind == "json" else None)


def body_forms(data: bytes, content_type: str = "") -> dict[str, str]:
    """Return the text of a body in all possible forms. The form that `body_kind` selects is first."""
    kind = body_kind(data, content_type)
    if kind == "empty":
        return {}
    json_text = {"json": _text(data, _indented(data))} if kind == "json" else {}
    plain, raw = {"text": _text(data)}, {"hex": _hex(data)}
    return {**raw, **plain} if kind == "hex" else {**json_text, **plain, **raw}
