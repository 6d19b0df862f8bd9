"""The package `wasmnb` inside Wasm, which contains only the SDK. The compiler copies this file to `wasmnb/__init__.py`."""

from typing import Any

from wasmnb.sdk import *  # noqa: F403
from wasmnb.sdk import __all__ as __all__  # noqa: PLC0414


def filter(cls: Any = None, /, **_: Any) -> Any:  # noqa: A001 - the name of the decorator outside of Wasm
    """Return the class unchanged. Inside Wasm, the decorator `@wasmnb.filter` has nothing to do."""
    return (lambda decorated: decorated) if cls is None else cls
