"""The flags for upstreams and clusters in a notebook: expressions with its variables."""

from __future__ import annotations

from functools import partial
from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from wasmnb.errors import UsageError
from wasmnb.traffic import upstream_flags
from wasmnb.traffic.upstream_flags import UPSTREAM_FLAGS

__all__ = ["UPSTREAM_FLAGS", "upstreams"]


#: Advice for an expression that can't be read: its own quotes may be lost.
_QUOTES = (
    "The line is read as in a shell, which takes one pair of quotes away: put the whole value into quotes of another kind, or use "
    "a variable of the notebook."
)


def upstreams(shell: Any, options: Any) -> dict[str, Any]:
    """Return the arguments `upstream` and `clusters` for a `Proxy`, if their flags were given."""
    try:
        return upstream_flags.upstreams(options, partial(upstream_flags.evaluate, variables=shell.user_ns))
    except UsageError as error:
        advice = f" {_QUOTES}" if ": NameError: " in str(error) or ": SyntaxError: " in str(error) else ""
        raise MagicUsageError(f"{error}.{advice}") from None
