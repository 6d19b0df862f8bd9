"""The actions of the user: one function each, from the values of a message to a notice for the foot of the panel.

navigate   views, exchanges, selection       send      requests, curl commands, repeated requests
simulate   time, ticks, faults, restart      files     traces, modules and bodies to save

Filling the views after an action belongs to `..renderer`.
"""

from __future__ import annotations

from .arguments import Action
from .files import FILES
from .navigate import NAVIGATION
from .send import SENDING, repeat
from .simulate import SIMULATION

__all__ = ["ACTIONS", "NAVIGATION", "repeat"]

#: Name -> function.
ACTIONS: dict[str, Action] = {**NAVIGATION, **SENDING, **SIMULATION, **FILES}
