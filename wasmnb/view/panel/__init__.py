"""The live panel: one widget that shows a proxy while it works, and takes wishes (send, advance, restart).

history     what is remembered of a proxy, read bit by bit      snapshot   the host's objects as JSON
wishes      what the user can ask for                           widget     traits, js/ and panel.css
panel       brings them together
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import Panel

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["Panel", "panel_of"]


def panel_of(proxy: Proxy) -> Panel:
    """The panel of a proxy, made when it is first asked for."""
    found = getattr(proxy, "_panel", None)
    return found if isinstance(found, Panel) else Panel(proxy)
