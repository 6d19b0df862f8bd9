"""Names of fields of protocol buffers. JSON may write them in camel case: `maxGrpcTimeout` for `max_grpc_timeout`.

Reference: https://protobuf.dev/programming-guides/json
"""

from __future__ import annotations

import re

__all__ = ["declared_name"]

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def declared_name(name: str) -> str:
    """Return a field's name as a `.proto` file declares it.

    Parameters
    ----------
    name
        The name in either form.
    """
    return _CAPITAL.sub(r"_\1", name).lower()
