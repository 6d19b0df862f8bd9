"""The live panel: an anywidget that shows a proxy while it works and performs the user's actions.

state     what one panel knows                      renderer, views   state -> traits of the widget
actions/  what the user can do                      view_data/        objects of the host -> JSON
js/       the front end, joined by `bundle`         panel             connects all of it

Static HTML and text of the same objects belong to `..documents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import Panel

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["Panel", "panel_of"]


def panel_of(proxy: Proxy) -> Panel:
    """Return the panel of a proxy. The first call creates it.

    Parameters
    ----------
    proxy
        A simulated proxy.
    """
    panel = proxy.attachments.get("panel")
    return panel if isinstance(panel, Panel) else Panel(proxy)
