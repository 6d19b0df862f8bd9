"""Configuration of HTTP filters of Envoy's own in the chain of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BUILT_IN", "HEADER_MUTATION", "SET_METADATA", "BuiltIn"]

#: Kinds of filters.
SET_METADATA, HEADER_MUTATION = "set_metadata", "header_mutation"
#: Names of the filters that are simulated.
BUILT_IN = (SET_METADATA, HEADER_MUTATION)


@dataclass(frozen=True)
class BuiltIn:
    """One filter of the chain.

    Parameters
    ----------
    kind
        One of `BUILT_IN`.
    config
        Its message, as a mapping.
    name
        Its name in the chain; routes say under it what is different.
    before
        How many Wasm filters stand before it.
    disabled
        It does not run unless a route enables it.
    """

    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    before: int = 0
    disabled: bool = False
