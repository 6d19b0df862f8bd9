"""Environment variables that configure the SDK itself."""

from collections.abc import MutableMapping

from ...abi.wasi import PAUSED_HEADERS

__all__ = ["take_variables"]

_NAMES = (PAUSED_HEADERS,)


def take_variables(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Remove the SDK's variables from a VM's environment, so that the filter doesn't see them, and return them."""
    return {name: environment.pop(name) for name in _NAMES if name in environment}
