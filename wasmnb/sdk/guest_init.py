"""The `wasmnb` package as it is inside Wasm: the SDK's names and nothing else. The build copies it to `wasmnb/__init__.py`."""

from wasmnb.sdk import *  # noqa: F403
from wasmnb.sdk import __all__ as __all__  # noqa: PLC0414
