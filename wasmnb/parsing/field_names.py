"""Field names of protocol buffers. JSON can write them in camel case, such as `maxGrpcTimeout` for `max_grpc_timeout`.

Reference: https://protobuf.dev/programming-guides/json
"""

from __future__ import annotations

import re

__all__ = ["declared_name"]

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def declared_name(name: str) -> str:
    """Convert a field's name to the form used in `.proto` files.

    Parameters
    ----------
    name
        The name in camel case or snake case.
    """
    return _CAPITAL.sub(r"_\1", name).lower()
