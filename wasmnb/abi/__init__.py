"""The Proxy-Wasm ABI as data: enums, the table of callbacks and hostcalls, the table of phases, kinds of plugins, and the
wire formats.

Implementations of the ABI are elsewhere: the host's in `wasmnb.host`, the guest's in `wasmnb.sdk`.
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
