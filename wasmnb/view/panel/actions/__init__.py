"""The actions of the user: one function each, from the values of a message to a notice for the foot of the panel.

navigate   views, exchanges, selection       send      requests, curl commands, repeated requests
simulate   time, ticks, faults, restart      files     traces, modules and bodies to save
traffic    replay, comparison of versions

Filling the views after an action belongs to `..renderer`.
"""

from __future__ import annotations

from .arguments import Action
from .files import FILES
from .navigate import NAVIGATION
from .send import SENDING, message_of, options_of, repeat
from .simulate import SIMULATION
from .traffic import TRAFFIC

__all__ = ["ACTIONS", "FILES", "NAVIGATION", "message_of", "options_of", "repeat"]

#: Name -> function.
ACTIONS: dict[str, Action] = {**NAVIGATION, **SENDING, **SIMULATION, **FILES, **TRAFFIC}
