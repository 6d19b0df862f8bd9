"""Evaluate the flags for upstreams and clusters. In a notebook, they are expressions that can use its variables."""

from __future__ import annotations

from functools import partial
from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from wasmnb.errors import UsageError
from wasmnb.traffic import upstream_flags
from wasmnb.traffic.upstream_flags import UPSTREAM_FLAGS, ExpressionError

__all__ = ["UPSTREAM_FLAGS", "upstreams"]


#: Advice for an expression that can't be evaluated, because its quotes may have been removed.
_QUOTES = (
    "One pair of quotes is removed, as in a shell. Put the whole value into quotes of the other kind, or use a variable of the "
    "notebook."
)


def upstreams(shell: Any, options: Any) -> dict[str, Any]:
    """Convert the flags of a magic to the keyword arguments `upstream` and `clusters` of `Proxy`. Unused flags are omitted."""
    try:
        return upstream_flags.upstreams(options, partial(upstream_flags.evaluate, variables=shell.user_ns))
    except UsageError as error:
        unread = isinstance(error, ExpressionError) and isinstance(error.error, NameError | SyntaxError)
        advice = f" {_QUOTES}" if unread else ""
        raise MagicUsageError(f"{error}{advice}") from None
