"""The flags for upstreams and clusters in a notebook: expressions with its variables."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from wasmnb.errors import UsageError
from wasmnb.traffic import upstream_flags
from wasmnb.traffic.upstream_flags import UPSTREAM_FLAGS

__all__ = ["UPSTREAM_FLAGS", "upstreams"]


def upstreams(shell: Any, options: Any) -> dict[str, Any]:
    """Return the arguments `upstream` and `clusters` for a `Proxy`, if their flags were given."""
    try:
        return upstream_flags.upstreams(options, shell.ev)
    except UsageError as error:
        raise MagicUsageError(str(error)) from None
