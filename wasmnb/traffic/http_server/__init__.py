"""Let HTTP clients of other libraries use a simulated proxy, through a server on 127.0.0.1 or an httpx transport.

wasmnb's own clients, for example load and replay, are in the folder above.
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

        raise UsageError("WasmTransport requires httpx. Run `pip install 'wasmnb[serving]'`.") from None
    return WasmTransport
