"""What the user can ask of a panel: one function a wish, from its values to a sentence for the foot.

looking     which view, which exchange, which part      sending     requests, curl commands, the same again
controls    time, ticks, faults, configuration          files       traces, modules and bodies to keep
"""

from __future__ import annotations

from .arguments import Action
from .files import FILES
from .navigate import LOOKING
from .send import SENDING
from .simulate import CONTROLS

__all__ = ["ACTIONS", "LOOKING"]

#: Action -> what it does.
ACTIONS: dict[str, Action] = {**LOOKING, **SENDING, **CONTROLS, **FILES}
