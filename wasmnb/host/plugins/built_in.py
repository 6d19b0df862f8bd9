"""Configuration of HTTP filters of Envoy's own in the chain of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import UsageError
from ..envoy_api.message_check import checked_argument

__all__ = ["BUILT_IN", "BUILT_IN_MESSAGES", "HEADER_MUTATION", "SET_METADATA", "BuiltIn"]

#: Kinds of filters.
SET_METADATA, HEADER_MUTATION = "set_metadata", "header_mutation"
#: Names of the filters that are simulated.
BUILT_IN = (SET_METADATA, HEADER_MUTATION)
#: Kind -> its message in `..envoy_api.schema`.
BUILT_IN_MESSAGES = {SET_METADATA: "SetMetadataFilter", HEADER_MUTATION: "HeaderMutationFilter"}


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
        Number of Wasm filters before it.
    disabled
        It does not run unless a route enables it.

    Raises
    ------
    UsageError
        The kind is unknown, or its message has an unknown field or a field of the wrong type.
    """

    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    before: int = 0
    disabled: bool = False

    def __post_init__(self) -> None:
        if self.kind not in BUILT_IN:
            raise UsageError(f"A built-in filter is {' or '.join(BUILT_IN)}, not {self.kind!r}.")
        message = checked_argument("config", self.config, BUILT_IN_MESSAGES[self.kind])
        object.__setattr__(self, "config", message)  # numbers of enumerations as names, without nulls
