"""Command-line flags of `%wasmexport` and `wasmnb export`."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["EXPORT_FLAGS", "export_settings"]


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"the port must be between 0 and 65535, not {text}")
    return number


EXPORT_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--registry",), {"metavar": "HOST/PATH", "default": "registry.example.com", "help": "Registry for the image."}),
    (("--tag",), {"metavar": "TAG", "default": "latest", "help": "Tag of the image."}),
    (("--port",), {"type": _port, "metavar": "N", "default": 10000, "help": "Port of the exported Envoy, on 127.0.0.1."}),
    (("--strip",), {"action": argparse.BooleanOptionalAction, "default": True, "help": "Remove comments and docstrings from the module."}),
    (("--admin-port",), {"type": _port, "metavar": "N", "default": 9901, "help": "Port of Envoy's admin interface."}),
    (("--tcp-port",), {"type": _port, "metavar": "N", "default": None, "help": "Port for network filters; by default the one after --port."}),
    (("--upstream-port",), {"type": _port, "metavar": "N", "default": 8000, "help": "First port of upstreams without an address."}),
    (("--context",), {"metavar": "WHERE", "default": "GATEWAY", "choices": ("GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"),
      "help": "Where Istio's EnvoyFilter applies: GATEWAY, SIDECAR_INBOUND or SIDECAR_OUTBOUND."}),
    (("--force",), {"action": "store_true", "help": "Replace existing files with the same names."}),
)  # fmt: skip


def export_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `export` from parsed flags."""
    names = (flag.removeprefix("--").replace("-", "_") for (flag, *_), _ in EXPORT_FLAGS)
    return {name: getattr(options, name) for name in names}
