"""Escape untrusted text for terminals and HTML.

Text written by filters or clients (headers, bodies, logs, file names) is passed through `visible` before it is printed on a
terminal, and through `escape` before it is inserted in HTML.
"""

from __future__ import annotations

import html

from wasmnb._display import NEWLINES, visible

__all__ = ["NEWLINES", "clip", "escape", "visible"]


def escape(text: str | bytes, keep: str = "") -> str:
    """Escape text for use in HTML elements and quoted attributes, and return it.

    Parameters
    ----------
    text
        The text.
    keep
        Control characters that are not escaped (default none).
    """
    return html.escape(visible(text, keep), quote=True)


def clip(text: str, limit: int) -> str:
    """Shorten text to `limit` characters, and append the number of omitted characters."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more)"
