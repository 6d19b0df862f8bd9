"""The app of the guest that compiles the archive. componentize-py runs it once, and the result is read from
the guest's memory.
"""

from __future__ import annotations

from importlib import import_module

import_module("wasmnb_no_docstrings")
import_module("wasmnb_preload")

# ruff: noqa: E402
import wit_world
from wasmnb_archive_names import NAMES, SKIPPED  # type: ignore[import-not-found]
from wasmnb_archive_pack import pack  # type: ignore[import-not-found]

import wasmnb.sdk.dispatch  # noqa: F401  # modules that the SDK imports are in every runtime

archive = pack(NAMES, SKIPPED)


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """Class with the component's exports, which componentize-py requires. Its methods are never called."""

    def start(self) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing."""
