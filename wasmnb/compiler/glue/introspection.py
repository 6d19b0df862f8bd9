"""Calls of a guest's introspection export, which returns information about a running filter. Requests and
responses are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ...abi.text import encode_text
from ...engine import Guest, Trap

__all__ = ["INTROSPECTION", "introspect"]

#: The introspection export (`sdk/dispatch/introspection.py`). Its parameters are address and size of a request in memory from
#: `proxy_on_memory_allocate`, which the export frees. It returns 0, or the address of two u32 with address and size of the
#: reply, which is valid until the next call. Real proxies never call it.
INTROSPECTION = "wasmnb_control"

#: Name of the allocator for requests.
_ALLOCATE = "proxy_on_memory_allocate"


def introspect(guest: Guest, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Send a command to a guest, and return its response, which contains the result as `done` or a message as `error`.

    Parameters
    ----------
    guest
        Running VM, native or in Wasm.
    command
        Name of the command.
    arguments
        Arguments of the command, which must be valid in JSON.

    Raises
    ------
    Trap
        The guest trapped, or it has no introspection export.
    """
    request = encode_text(json.dumps({"do": command, **arguments}))
    native: Callable[[bytes], bytes] | None = getattr(guest, "introspect", None)
    response: dict[str, Any] = json.loads(native(request) if native is not None else _call_export(guest, request))
    return response


def _call_export(guest: Guest, request: bytes) -> bytes:
    allocate, export = guest.function(_ALLOCATE), guest.function(INTROSPECTION)
    if allocate is None or export is None:
        raise Trap("the module has no introspection export")
    address = allocate(len(request)) or 0
    guest.memory.write(address, request)
    response = export(address, len(request))
    if not response:
        raise Trap("the introspection export returned no response")
    return guest.memory.read(guest.memory.u32(response), guest.memory.u32(response + 4))
