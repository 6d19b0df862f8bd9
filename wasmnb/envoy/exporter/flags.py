"""Command line flags of `%wasmexport` and `wasmnb export`."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["EXPORT_FLAGS"]


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text}")
    return number


EXPORT_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--registry",), {"metavar": "HOST/PATH", "default": "registry.example.com", "help": "Registry that the image will be pushed to."}),
    (("--tag",), {"metavar": "TAG", "default": "latest", "help": "Tag of the image."}),
    (("--port",), {"type": _port, "metavar": "N", "default": 10000, "help": "Port of the exported Envoy, on 127.0.0.1."}),
    (("--force",), {"action": "store_true", "help": "Replace files of the same names."}),
)  # fmt: skip
