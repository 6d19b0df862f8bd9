"""Escaping of untrusted text.

Everything that a filter or client wrote (headers, bodies, logs, file names) goes through `visible` before a terminal
prints it, and through `escape` before it becomes HTML.
"""

from __future__ import annotations

import html

from wasmnb._display import NEWLINES, visible

__all__ = ["NEWLINES", "clip", "escape", "visible"]


def escape(text: str | bytes, keep: str = "") -> str:
    """Escape text for HTML, in elements and quoted attributes.

    Parameters
    ----------
    text
        Any text.
    keep
        Control characters to keep (default none).
    """
    return html.escape(visible(text, keep), quote=True)


def clip(text: str, limit: int) -> str:
    """Cut text to `limit` characters and add the number of omitted ones."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more)"
