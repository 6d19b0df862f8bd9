"""Configuration of Envoy's own HTTP filters in a filter chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import UsageError
from ..envoy_messages.message_check import checked_argument

__all__ = ["BUILT_IN", "BUILT_IN_MESSAGES", "HEADER_MUTATION", "SET_METADATA", "BuiltIn"]

#: Kinds of Envoy's own filters.
SET_METADATA, HEADER_MUTATION = "set_metadata", "header_mutation"
#: Kinds of Envoy's filters that the simulation supports.
BUILT_IN = (SET_METADATA, HEADER_MUTATION)
#: Name of each kind's configuration message in `..envoy_messages.schema`.
BUILT_IN_MESSAGES = {SET_METADATA: "SetMetadataFilter", HEADER_MUTATION: "HeaderMutationFilter"}


@dataclass(frozen=True)
class BuiltIn:
    """One of Envoy's own HTTP filters in a filter chain, for `Proxy(built_in=...)`.

    Parameters
    ----------
    kind
        `set_metadata` or `header_mutation`.
    config
        The filter's configuration message, as a mapping (default empty).
    name
        Name of the filter in the chain, as used in `typed_per_filter_config` of routes (default empty).
    before
        Number of Wasm filters in the chain that run before this filter (default 0).
    disabled
        Whether the filter runs only on routes that enable it (default False).

    Raises
    ------
    UsageError
        `kind` is unknown, or `config` contains a field that is unknown or has the wrong type.
    """

    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    before: int = 0
    disabled: bool = False

    def __post_init__(self) -> None:
        if self.kind not in BUILT_IN:
            raise UsageError(f"kind= of a BuiltIn must be {' or '.join(BUILT_IN)}, not {self.kind!r}.")
        message = checked_argument("config", self.config, BUILT_IN_MESSAGES[self.kind])
        object.__setattr__(self, "config", message)  # enum values are now names, and nulls are removed
