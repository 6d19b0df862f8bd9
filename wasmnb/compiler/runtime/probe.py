"""The probe: loads a filter's source once in a scratch VM to find its callbacks, or the reason why it doesn't load.

The scratch VM's host behaves as Envoy does while a module loads: logging, clocks, random bytes and the environment work,
and any other call stops the module.
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

#: Longest time, in seconds, that a source can take to load.
DEADLINE = 5.0

_WASI_BAD_ARGUMENT = 28


@dataclass
class Probe:
    """Result of loading a source.

    Attributes
    ----------
    exports
        Callbacks that the filter needs.
    log
        Lines logged while it loaded, as (level, text).
    """

    exports: tuple[str, ...]
    log: list[tuple[int, str]] = field(default_factory=list)


class Scratch:
    """A host for one VM that loads a source and does nothing else."""

    def __init__(self, image: Runnable) -> None:
        self.log: list[tuple[int, str]] = []
        self.instance: Guest = image.instantiate(self._resolve, deadline=DEADLINE)

    def _resolve(self, import_: ImportType) -> Callable[..., int] | None:
        function: Callable[..., int] | None = getattr(self, f"_{import_.name}", None)
        return function or self._restricted(import_.name)

    @staticmethod
    def _restricted(name: str) -> Callable[..., int]:
        def refuse(*_: int) -> NoReturn:
            raise RuntimeError(f"{name} can't be called while the module loads")

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
        """Return the app's report, or an empty dict if the app was stopped before it."""
        memory = self.instance.memory
        try:
            report = json.loads(memory.read(memory.u32(base + REPORT), memory.u32(base + REPORT + 4)) or b"{}")
        except (OutOfBounds, ValueError):
            return {}
        return report if isinstance(report, dict) else {}


def probe(image: Image, pages: int, filename: str) -> Probe:
    """Load a filter in a scratch VM.

    Parameters
    ----------
    image
        The runtime with the source in place.
    pages
        Initial pages of the runtime's memory.
    filename
        File name of the source in errors.

    Raises
    ------
    SourceError
        The source doesn't load, or doesn't define a filter. The error has the line and the guest's traceback.
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
    """Make the error for a source that didn't load.

    Parameters
    ----------
    report
        Report of `wasmnb.sdk.loading.load_error`. Empty if the filter was stopped before it.
    trap
        Trap that stopped the VM.
    log
        Lines logged before, as (level, text).
    filename
        File name of the source.
    """
    if "type" in report:
        kind, message = report["type"], report["message"]
        is_plain = kind == "FilterSourceError"
        return SourceError(
            message if is_plain else f"{kind}: {message}" if message else kind,
            filename=report["filename"],
            lineno=report["lineno"],
            offset=report["offset"],
            hint=report["hint"] or _hint(kind, message),
            traceback=report["traceback"],
        )
    logged = "\n".join(text for _, text in log)
    if trap.kind == "deadline":
        return SourceError(
            f"the source is still running after {DEADLINE:g} s",
            filename=filename,
            hint="The top level runs in every VM before traffic arrives and has to end. Move the loop into a callback.",
            traceback=logged,
        )
    return SourceError(
        f"the source stopped the VM while it loaded: {trap.message}", filename=filename, traceback=logged
    )


def _hint(kind: str, message: str) -> str:
    name = message.partition("'")[2].partition("'")[0]
    if kind == "NameError" and name in sdk_names:
        return (
            f"Only the filter's main source has the SDK's names built in. Add to this module: from wasmnb import {name}"
        )
    return _HINTS.get(kind, "")


_HINTS = {
    "ModuleNotFoundError": "Filters have no file system. Use an import statement with a literal name, so that the module "
    "becomes part of the runtime.",
    "MemoryError": "A VM can have up to 1 GiB of memory.",
}
