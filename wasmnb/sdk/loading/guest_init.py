"""The `wasmnb` package as it is inside Wasm: the SDK's names and nothing else. The build copies it to `wasmnb/__init__.py`."""

from typing import Any

from wasmnb.sdk import *  # noqa: F403
from wasmnb.sdk import __all__ as __all__  # noqa: PLC0414


def filter(cls: Any = None, /, **_: Any) -> Any:  # noqa: A001 - outside it is the decorator that makes a filter
    """Leave a class as it is: inside, it is the filter already."""
    return (lambda decorated: decorated) if cls is None else cls
