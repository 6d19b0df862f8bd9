"""Flags of an export, as argparse takes them: for `%wasmexport` and `wasmnb export`."""

from __future__ import annotations

from typing import Any

__all__ = ["EXPORT_FLAGS"]

EXPORT_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--registry",), {"metavar": "HOST/PATH", "default": "registry.example.com", "help": "Where the image will be pushed."}),
    (("--tag",), {"metavar": "TAG", "default": "latest", "help": "Tag of the image."}),
    (("--port",), {"type": int, "metavar": "N", "default": 10000, "help": "Port of the exported Envoy, on 127.0.0.1."}),
    (("--force",), {"action": "store_true", "help": "Replace files of the same names."}),
)  # fmt: skip
