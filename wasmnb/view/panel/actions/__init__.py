"""The user's actions in the panel. Each action is a function that receives the values of a message and returns a notice.

navigate   views, exchanges, selection       send      requests, curl commands, repeated requests
simulate   time, ticks, faults, restart      files     traces, modules and bodies to save
traffic    replay, comparison of versions

After an action, `wasmnb.view.panel.renderer` updates the views.
"""

from __future__ import annotations

from .arguments import PanelAction
from .files import FILES
from .navigate import NAVIGATION
from .send import SENDING, message_of, options_of, repeat
from .simulate import SIMULATION
from .traffic import TRAFFIC

__all__ = ["ACTIONS", "FILES", "NAVIGATION", "message_of", "options_of", "repeat"]

#: Name of an action -> its function.
ACTIONS: dict[str, PanelAction] = {**NAVIGATION, **SENDING, **SIMULATION, **FILES, **TRAFFIC}
