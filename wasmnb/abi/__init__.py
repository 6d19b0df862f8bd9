"""The Proxy-Wasm ABI as data: enums, tables of callbacks, hostcalls and phases, kinds of plugins, and wire formats.

The host's implementation of the ABI is in `wasmnb.host`, and the guest's in `wasmnb.sdk`.
"""

from .enums import *  # noqa: F403
from .enums import __all__ as _enums
from .phases import *  # noqa: F403
from .phases import __all__ as _phases
from .placement import *  # noqa: F403
from .placement import __all__ as _placement
from .table import *  # noqa: F403
from .table import __all__ as _table
from .wire import *  # noqa: F403
from .wire import __all__ as _wire

__all__ = [*_enums, *_phases, *_placement, *_table, *_wire]  # noqa: PLE0604
