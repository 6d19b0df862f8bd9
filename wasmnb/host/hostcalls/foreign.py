"""Foreign functions, which Envoy registers outside the ABI; see `..foreign`.

Facts (Envoy 1.40): an unknown name is NotFound. They act on the calling context, not on the effective one.
"""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..foreign.functions import FOREIGN

__all__ = ["call_foreign_function"]


def call_foreign_function(context: Context, name: bytes, arguments: bytes) -> tuple[int, bytes | None]:
    """Call a function by name."""
    function = FOREIGN.get(name.decode("utf-8", "replace"))
    if function is None:
        return Status.NOT_FOUND, None
    return function(context.vm.entry.current, arguments)
