"""Clients of other libraries through a simulated proxy: an httpx transport without sockets, and a server on 127.0.0.1.

Clients that wasmnb has itself, such as load runs, are in the folder above.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .transport import WasmTransport as WasmTransport

__all__ = ["WasmTransport"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .transport import WasmTransport
    except ImportError:
        from ...errors import UsageError

        raise UsageError("WasmTransport needs httpx. Install it: pip install 'wasmnb[serving]'.") from None
    return WasmTransport
