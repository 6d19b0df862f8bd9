"""Runs a filter's source once in a scratch VM: which callbacks it needs, or why it does not load.

The scratch VM's host answers as Envoy does while a module loads: logging, clocks, randomness and the environment work;
anything else stops the module.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ...engine import Guest, Image, ImportType, OutOfBounds, Runnable, Trap
from ...errors import SourceError
from ...sdk import __all__ as sdk_names
from ..glue import GLUE_PAGES, REPORT
from ..wasm.memory_image import PAGE

__all__ = ["Probe", "Scratch", "probe", "source_error"]

#: Seconds that a source may take to load.
DEADLINE = 5.0

_WASI_BAD_ARGUMENT = 28


@dataclass
class Probe:
    """What loading the source found out.

    Attributes
    ----------
    exports
        Callbacks that the filter needs.
    log
        What it logged while it loaded: (level, text).
    """

    exports: tuple[str, ...]
    log: list[tuple[int, str]] = field(default_factory=list)


class Scratch:
    """A host for one VM that only loads."""

    def __init__(self, image: Runnable) -> None:
        self.log: list[tuple[int, str]] = []
        self.instance: Guest = image.instantiate(self._resolve, deadline=DEADLINE)

    def _resolve(self, wanted: ImportType) -> Callable[..., int] | None:
        found: Callable[..., int] | None = getattr(self, f"_{wanted.name}", None)
        return found or self._restricted(wanted.name)

    @staticmethod
    def _restricted(name: str) -> Callable[..., int]:
        def refuse(*_: int) -> NoReturn:
            raise RuntimeError(f"{name} cannot be called while the module loads")

        return refuse

    def _proxy_log(self, level: int, pointer: int, size: int) -> int:
        self.log.append((level, self.instance.memory.read(pointer, size).decode("utf-8", "replace")))
        return 0

    def _clock_time_get(self, clock: int, _precision: int, pointer: int) -> int:
        self.instance.memory.write_u64(pointer, time.time_ns() if clock == 0 else time.monotonic_ns())
        return 0

    def _random_get(self, pointer: int, size: int) -> int:
        if size > PAGE:
            return _WASI_BAD_ARGUMENT
        self.instance.memory.write(pointer, os.urandom(size))
        return 0

    def _environ_sizes_get(self, count: int, size: int) -> int:
        self.instance.memory.write_u32(count, 0)
        self.instance.memory.write_u32(size, 0)
        return 0

    def _environ_get(self, _pointers: int, _data: int) -> int:
        return 0

    def _poll_oneoff(self, _subscriptions: int, _events: int, _count: int, events: int) -> int:
        self.instance.memory.write_u32(events, 0)
        return 0

    def report(self, base: int) -> dict[str, Any]:
        """What the app left at the end; empty if it did not get there."""
        memory = self.instance.memory
        try:
            found = json.loads(memory.read(memory.u32(base + REPORT), memory.u32(base + REPORT + 4)) or b"{}")
        except (OutOfBounds, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def probe(image: Image, pages: int, filename: str) -> Probe:
    """Load a filter.

    Parameters
    ----------
    image
        The runtime with the source in place.
    pages
        Pages of memory that the runtime starts with.
    filename
        What errors call the source.

    Raises
    ------
    SourceError
        The source does not load, or is no filter; with its line and the guest's traceback.
    """
    with image.code.engine.interrupts:
        scratch = Scratch(image)
        try:
            start = scratch.instance.function("_initialize")
            assert start is not None
            start()
        except Trap as trap:
            raise source_error(scratch.report((pages - GLUE_PAGES) * PAGE), trap, scratch.log, filename) from None
        report = scratch.report((pages - GLUE_PAGES) * PAGE)
        scratch.instance.close()
    return Probe(tuple(report["exports"]), scratch.log)


def source_error(report: dict[str, Any], trap: Trap, log: list[tuple[int, str]], filename: str) -> SourceError:
    """What is wrong with a source.

    Parameters
    ----------
    report
        As `wasmnb.sdk.loading.load_error` has it; empty if the filter was stopped before it could say anything.
    trap, log
        What stopped it, and what it had logged: (level, text).
    """
    if "type" in report:
        kind, message = report["type"], report["message"]
        plain = kind == "FilterSourceError"
        return SourceError(
            message if plain else f"{kind}: {message}" if message else kind,
            filename=report["filename"],
            lineno=report["lineno"],
            offset=report["offset"],
            hint=report["hint"] or _hint(kind, message),
            traceback=report["traceback"],
        )
    said = "\n".join(text for _, text in log)
    if trap.kind == "deadline":
        return SourceError(
            f"the source is still running after {DEADLINE:g} s",
            filename=filename,
            hint="A filter's top level runs once in every VM before traffic comes: it must come to an end.",
            traceback=said,
        )
    return SourceError(f"the source stopped the VM while it loaded: {trap.message}", filename=filename, traceback=said)


def _hint(kind: str, message: str) -> str:
    name = message.partition("'")[2].partition("'")[0]
    if kind == "NameError" and name in sdk_names:
        return f"Only the filter itself has the SDK's names at hand; its modules import them: from wasmnb import {name}"
    return _HINTS.get(kind, "")


_HINTS = {
    "ModuleNotFoundError": "A filter has no file system: what it imports must stand in an import statement, so that it "
    "can be put into the runtime.",
    "MemoryError": "A VM has 1 GiB of memory at most.",
}
