"""The plugin option `allow_on_headers_stop_iteration`, with which headers can be paused until their body has arrived.

If a headers callback pauses the stream, Envoy delivers the body only with this option. The ABI has no way to read the option,
so it is repeated in an environment variable of the VM, which contains the names of all plugins that have the option.
"""

from ...abi.wasi import PAUSED_HEADERS
from ..interfaces import StreamInterface, VMInterface

__all__ = ["pauses_headers"]


def pauses_headers(vm: VMInterface, context: StreamInterface) -> bool:
    """Return whether the context's plugin has the option. The proxy then delivers a body while its headers are paused."""
    names: str = vm.variables.get(PAUSED_HEADERS, "")
    if not names:
        return False
    known: bool | None = context.plugin._pauses_headers
    if known is None:
        name = context.properties.get_raw("plugin_name") or b""
        known = context.plugin._pauses_headers = name.decode("utf-8", "replace") in (names, *names.split(","))
    return known
