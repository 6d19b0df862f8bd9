"""The probe, which loads a filter's source once in a scratch VM to find its callbacks or its errors.

The host of the scratch VM behaves as Envoy does while it loads a module: logging, clocks, random bytes and the environment
work, and all other hostcalls stop the module.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, TypeVar

from ...abi import CALLBACKS
from ...engine import Guest, Image, ImportType, OutOfBounds, Runnable, Trap
from ...errors import SourceError
from ...sdk import __all__ as sdk_names
from ..glue import GLUE_PAGES, REPORT
from ..glue.introspection import introspect
from ..wasm_binary.memory_image import PAGE

#: Type of the result of loading a source.
ProbeResult = TypeVar("ProbeResult")

__all__ = ["MissingVariable", "Probe", "Scratch", "load_source", "located", "probe", "source_error", "with_stand_ins"]

#: Maximum time for loading a source in seconds.
DEADLINE = 5.0

_WASI_BAD_ARGUMENT = 28


@dataclass
class Probe:
    """The result of loading a filter's source once.

    Attributes
    ----------
    exports
        Names of the callbacks that the filter must export.
    callbacks
        Callbacks that the filter's classes override, by kind of class. Empty if they are unknown.
    classes
        Names of the filter's classes by kind. Kinds without a class are omitted.
    log
        Lines that the source logged while it was loaded, as (level, text).
    """

    exports: tuple[str, ...]
    callbacks: dict[str, list[str]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    log: list[tuple[int, str]] = field(default_factory=list)


class Scratch:
    """A host for a VM that only loads a source."""

    def __init__(self, image: Runnable, variables: Mapping[str, str]) -> None:
        self.log: list[tuple[int, str]] = []
        self._variables = [f"{name}={value}\0".encode() for name, value in variables.items()]
        self.instance: Guest = image.instantiate(self._resolve, deadline=DEADLINE)

    def _resolve(self, import_: ImportType) -> Callable[..., int] | None:
        function: Callable[..., int] | None = getattr(self, f"_{import_.name}", None)
        return function or self._restricted(import_.name)

    @staticmethod
    def _restricted(name: str) -> Callable[..., int]:
        def refuse(*_: int) -> NoReturn:
            raise RuntimeError(f"{name} can't be called while the module is loaded. Call it from a callback.")

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
        self.instance.memory.write_u32(count, len(self._variables))
        self.instance.memory.write_u32(size, sum(map(len, self._variables)))
        return 0

    def _environ_get(self, pointers: int, data: int) -> int:
        for number, entry in enumerate(self._variables):
            self.instance.memory.write_u32(pointers + 4 * number, data)
            self.instance.memory.write(data, entry)
            data += len(entry)
        return 0

    def _poll_oneoff(self, _subscriptions: int, _events: int, _count: int, events: int) -> int:
        self.instance.memory.write_u32(events, 0)
        return 0

    def report(self, base: int) -> dict[str, Any]:
        """Return the app's report about loading the source, or {} if the VM was stopped before the report."""
        memory = self.instance.memory
        try:
            report = json.loads(memory.read(memory.u32(base + REPORT), memory.u32(base + REPORT + 4)) or b"{}")
        except (OutOfBounds, ValueError):
            return {}
        return report if isinstance(report, dict) else {}


def probe(image: Image, pages: int, filename: str) -> Probe:
    """Load a filter's source in a scratch VM, and return its callbacks and classes.

    The plugin's environment variables aren't known yet. Each variable that the source reads has the value "1".

    Parameters
    ----------
    image
        Runtime with the source in its memory.
    pages
        Initial size of the runtime's memory in pages.
    filename
        File name of the source, for error messages.

    Raises
    ------
    SourceError
        The source raises an exception or doesn't define a filter. The error contains the line and the guest's traceback.
    """
    return with_stand_ins(lambda variables: _load(image, pages, filename, variables), Probe(tuple(CALLBACKS)))


def with_stand_ins(load: Callable[[Mapping[str, str]], ProbeResult], undecided: ProbeResult) -> ProbeResult:
    """Load a source repeatedly until every environment variable that it reads has a value.

    Parameters
    ----------
    load
        Function that loads the source with certain variables. It raises `MissingVariable` if the source reads another variable.
    undecided
        Result if the source can't be loaded with stand-in values. The first VM loads the source again with the real values.

    Raises
    ------
    SourceError
        The source can't be loaded for a reason other than variables.
    """
    variables: dict[str, str] = {}
    while True:
        try:
            return load(variables)
        except MissingVariable as missing:
            if missing.name in variables or len(variables) == _MOST_VARIABLES:
                raise missing.error from missing.error.__cause__
            variables[missing.name] = _STAND_IN
        except SourceError:
            if not variables:
                raise
            return undecided


#: Stand-in value of an environment variable (valid as text, number, JSON and boolean), and maximum number of such variables.
_STAND_IN, _MOST_VARIABLES = "1", 100


class MissingVariable(Exception):
    """Raised if a source reads an environment variable that has no value yet."""

    def __init__(self, name: str, error: SourceError) -> None:
        super().__init__(name)
        self.name = name
        self.error = error


def located(report: Mapping[str, Any], error: SourceError) -> Exception:
    """Return `MissingVariable` if a missing environment variable is the reason why a source can't be loaded, otherwise the
    error.
    """
    return MissingVariable(report["variable"], error) if report.get("variable") else error


def load_source(scratch: Scratch, pages: int, filename: str) -> dict[str, Any]:
    """Run the module-level code of a source in a scratch VM, and return the app's report.

    Parameters
    ----------
    scratch
        Host of the VM that contains the source.
    pages, filename
        As for `probe`.

    Raises
    ------
    SourceError
        The source can't be loaded.
    MissingVariable
        The source reads an environment variable that has no value yet.
    """
    base = (pages - GLUE_PAGES) * PAGE
    try:
        start = scratch.instance.function("_initialize")
        assert start is not None
        start()
    except Trap as trap:
        report = scratch.report(base)
        running = RunningCode()
        if trap.kind == "deadline":
            running = running_code(scratch.instance, trap.message)
            scratch.log.append((0, running.traceback))
        error = source_error(report, trap, scratch.log, filename, running.frames)
        error.log = [text for _, text in scratch.log if text and text != error.traceback]
        raise located(report, error) from None
    return scratch.report(base)


def _load(image: Image, pages: int, filename: str, variables: Mapping[str, str]) -> Probe:
    with image.code.engine.interrupts:
        scratch = Scratch(image, variables)
        report = load_source(scratch, pages, filename)
        scratch.instance.close()
    return Probe(tuple(report["exports"]), report["callbacks"], report["classes"], scratch.log)


class RunningCode(NamedTuple):
    """The Python code in which a guest was stopped.

    Attributes
    ----------
    traceback
        Traceback of the code, or '' if it isn't known.
    frames
        File and line of each frame. The innermost frame is the last one.
    """

    traceback: str = ""
    frames: Sequence[tuple[str, int]] = ()


def running_code(guest: Guest, reason: str) -> RunningCode:
    """Return the Python code in which a guest was stopped. The guest can't be used afterwards."""
    try:
        done = introspect(guest, "running", {"reason": f"TimeoutError: {reason}"})["done"]
        return RunningCode(str(done["traceback"]), [(str(name), int(line)) for name, line in done["frames"]])
    except (Trap, OutOfBounds, ValueError, KeyError, TypeError):
        return RunningCode()


def source_error(
    report: dict[str, Any],
    trap: Trap,
    log: list[tuple[int, str]],
    filename: str,
    frames: Sequence[tuple[str, int]] = (),
) -> SourceError:
    """Return the error for a source that can't be loaded.

    Parameters
    ----------
    report
        Report of `wasmnb.sdk.loading.load_error`, or {} if the filter was stopped before the report.
    trap
        Trap that stopped the VM.
    log
        Lines that were logged before the trap, as (level, text).
    filename
        File name of the source.
    frames
        File and line of each frame in which the filter was stopped (default none).
    """
    if "type" in report:
        kind, message = report["type"], report["message"]
        is_plain = kind == "FilterSourceError"
        return SourceError(
            message if is_plain else f"{kind}: {message}" if message else kind,
            filename=report["filename"],
            lineno=report["lineno"],
            offset=report["offset"],
            hint=_hint(report) or report["hint"],
            traceback=report["traceback"],
        )
    logged = "\n".join(text for _, text in log if text)
    if trap.kind == "deadline":
        lines = [line for name, line in frames if name == filename]
        return SourceError(
            f"the source is still running after {DEADLINE:g} seconds",
            filename=filename,
            lineno=lines[-1] if lines else None,
            hint="Module-level code runs in every VM before traffic arrives, so it must end. Move the loop into a callback.",
            traceback=logged,
        )
    return SourceError(
        f"the source stopped the VM while it was loaded: {trap.message}", filename=filename, traceback=logged
    )


def _hint(report: Mapping[str, Any]) -> str:
    kind, name = report["type"], report.get("name")
    if kind == "NameError" and name in sdk_names:
        return f"The SDK's names are built in only in the filter's main source. Add `from wasmnb import {name}` to this module."
    return _HINTS.get(kind, "")


_HINTS = {
    "MemoryError": "A VM can use up to 1 GiB of memory.",
}
