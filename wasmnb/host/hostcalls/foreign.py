"""Foreign functions, which Envoy registers outside the ABI; see `..foreign`.

Facts (Envoy 1.40): an unknown name is NotFound. They act on the calling context, not on the effective one. Functions of a test's
own come first, since another proxy may have replaced Envoy's.
"""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..foreign.functions import FOREIGN
from ..foreign.own_functions import call_own

__all__ = ["call_foreign_function"]


def call_foreign_function(context: Context, name: bytes, arguments: bytes) -> tuple[int, bytes | None]:
    """Call a function by name."""
    text = name.decode("utf-8", "replace")
    own = context.vm.server.foreign.get(text)
    if own is not None:
        return call_own(own, context.vm.entry.current, arguments)
    function = FOREIGN.get(text)
    if function is None:
        return Status.NOT_FOUND, None
    return function(context.vm.entry.current, arguments)
