"""Whether headers can be held until their body has arrived.

If a headers callback stops the stream, the body is held back, too, unless the plugin has
`allow_on_headers_stop_iteration`. The ABI has no way to read this setting, so it is repeated in an environment variable of the
VM. Plugins can share a VM, so the variable has the names of the plugins with the setting.
"""

from typing import Any

from ...abi.wasi import HELD_HEADERS
from ..interfaces import VMInterface

__all__ = ["holds_headers"]


def holds_headers(vm: VMInterface, context: Any) -> bool:
    """Return whether the proxy delivers a body to this context while its headers are held."""
    names: str = vm.variables.get(HELD_HEADERS, "")
    if not names:
        return False
    known: bool | None = context.plugin._holds_headers
    if known is None:
        name = context.properties.get_raw("plugin_name") or b""
        known = context.plugin._holds_headers = name.decode("utf-8", "replace") in (names, *names.split(","))
    return known
