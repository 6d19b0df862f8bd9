"""Hostcall for foreign functions, which Envoy registers in addition to the ABI. They are implemented in `..foreign_functions`.

In Envoy 1.40, an unknown name returns NotFound. The functions act on the calling context, not on the effective one. A function
that a test registers replaces Envoy's function with the same name.
"""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..foreign_functions.functions import FOREIGN
from ..foreign_functions.own_functions import call_own

__all__ = ["call_foreign_function"]


def call_foreign_function(context: Context, name: bytes, arguments: bytes) -> tuple[int, bytes | None]:
    """Call a foreign function by name. Return the status and the result."""
    text = name.decode("utf-8", "replace")
    own = context.vm.server.foreign.get(text)
    if own is not None:
        return call_own(own, context.vm.entry.current, arguments)
    function = FOREIGN.get(text)
    if function is None:
        return Status.NOT_FOUND, None
    return function(context.vm.entry.current, arguments)
