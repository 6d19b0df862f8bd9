"""The Proxy-Wasm ABI as data: numbers, one table of callbacks and hostcalls, and the wire formats."""

from .enums import *  # noqa: F403
from .enums import __all__ as _enums
from .table import *  # noqa: F403
from .table import __all__ as _table
from .wire import *  # noqa: F403
from .wire import __all__ as _wire

__all__ = [*_enums, *_table, *_wire]  # noqa: PLE0604
