"""Hatchling's hook: write `panel.js` before a wheel is built and before an editable installation."""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["PanelHook"]


class PanelHook(BuildHookInterface[Any]):
    """Join the modules of the panel, and add the result to the wheel although Git ignores it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002, D102 -- hatchling's interface
        sys.path.insert(0, self.root)
        from panel_build.write import write

        build_data["artifacts"].append(f"/{write().relative_to(self.root).as_posix()}")
