"""The live panel: an anywidget that displays a running proxy and performs the user's actions.

state     the state of a panel                      renderer, views   write the state to the widget's traits
actions/  the user's actions                        view_data/        converts proxies and exchanges to JSON
js/       the front end                              panel             connects these parts
script    the script that `make panel` makes from js/

Static HTML and text of the same objects are in `wasmnb.view.documents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .panel import Panel

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["Panel", "panel_of"]


def panel_of(proxy: Proxy) -> Panel:
    """Return the live panel of a proxy. It is created on the first call.

    Parameters
    ----------
    proxy
        A simulated proxy.
    """
    panel = proxy.attachments.get("panel")
    return panel if isinstance(panel, Panel) else Panel(proxy)
