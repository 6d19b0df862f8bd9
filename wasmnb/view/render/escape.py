"""The one place where hostile text becomes safe to show.

Header names and values, bodies, logs, file names and everything else that a filter or a client wrote passes through
`visible` on its way to a terminal and through `escape` on its way to HTML. Nothing else in the package writes such
text.
"""

from __future__ import annotations

import html

from wasmnb._display import NEWLINES, visible

__all__ = ["NEWLINES", "clip", "escape", "visible"]


def escape(text: str | bytes, keep: str = "") -> str:
    """The same as HTML: no markup survives, in text or in an attribute's quotes."""
    return html.escape(visible(text, keep), quote=True)


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, and a word on what was cut."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more)"
