"""The program inside the runtime: between the component's world and the SDK's dispatcher.

componentize-py runs this file once, at build time, and keeps the memory that it leaves behind. `start` runs in every VM,
from the module's `_initialize`. Callbacks go straight to the dispatcher: the glue is given the addresses of its bound
methods. Hostcalls are built-in functions that the glue makes.
"""

from __future__ import annotations

from importlib import import_module

import_module("wasmnb_no_docstrings")
import_module("wasmnb_preload")  # what filters may import has to be in memory before there is no file system

# ruff: noqa: E402
import gc
import json
import os
import random
import sys
import traceback
from typing import Any

import wit_world
from wit_world.imports import host

from wasmnb.abi import AbiVersion, callbacks_for, hostcalls_for
from wasmnb.sdk.dispatch import Dispatcher, FilterSourceError
from wasmnb.sdk.logs import take_over_output
from wasmnb.sdk.parts import unpack
from wasmnb.sdk.tracebacks import format_exception

_VERSION = AbiVersion.V0_2_1


class _Binding:
    """The hostcalls, as attributes."""


#: The VM's dispatcher, and the methods that the glue knows by their addresses: both have to stay.
_kept: list[Any] = []


def _refuse(error: BaseException, filenames: list[str]) -> None:
    """Leave word of why the source does not load, for whoever builds it."""
    filename, lineno = _place(error, filenames)
    word = {
        "type": type(error).__name__,
        "message": _message(error),
        "filename": filename,
        "lineno": lineno,
        "offset": error.offset if isinstance(error, SyntaxError) else None,
        "hint": getattr(error, "hint", ""),
        "traceback": format_exception(error),
    }
    host.report(json.dumps(word).encode("utf-8", "backslashreplace"))


def _place(error: BaseException, filenames: list[str]) -> tuple[str, int | None]:
    """Where it happened: the innermost line of the source's own parts and modules."""
    if isinstance(error, SyntaxError | FilterSourceError) and error.filename:
        return error.filename, error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in filenames]
    return (frames[-1].filename, frames[-1].lineno) if frames else (filenames[-1], None)


def _message(error: BaseException) -> str:
    """What it says, without the place, which is told apart."""
    plain = isinstance(error, SyntaxError | FilterSourceError) and error.args
    return str(error.args[0]) if plain else str(error)


def _abort(*_: object) -> None:
    """An exception has left a callback. The dispatcher has logged it; what remains is to stop the VM."""
    host.abort()


def _environment() -> None:
    """The variables that the proxy gives this VM, which are others than those of the build."""
    os.environ.clear()
    for entry in host.environment().split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals:
            os.environ[os.fsdecode(name)] = os.fsdecode(value)


def _make_dispatcher() -> Dispatcher:
    """Take the hostcalls from the glue, and leave it the callbacks. In CPython an object's id is its address."""
    natives: list[Any] = []
    binding = _Binding()
    host.natives(id(natives))
    for name, native in zip(
        ("journal", "header_text", "watch_deletes", *(h.short for h in hostcalls_for(_VERSION).values())),
        natives,
        strict=True,
    ):
        setattr(binding, name, native)
    dispatcher = Dispatcher(binding)
    methods = [getattr(dispatcher, c.short, None) or _missing for c in callbacks_for(_VERSION).values()]
    for number, method in enumerate(methods):
        host.bind(number, id(method))
    _kept.extend((dispatcher, methods))
    return dispatcher


def _missing(*_: object) -> int:
    return 0


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """The class that componentize-py looks for."""

    def start(self) -> None:
        """Load the filter: once in every VM."""
        dispatcher = _make_dispatcher()
        sys.excepthook = sys.unraisablehook = _abort
        take_over_output()
        random.seed()
        _environment()
        parts, modules, package = unpack(host.source())
        try:
            dispatcher.load_parts(parts, modules, package)
        except BaseException as error:
            ours = error.__traceback__
            _refuse(
                error.with_traceback(ours and ours.tb_next),
                [*(m.filename for m in modules), *(p.filename for p in parts)],
            )
            raise
        host.report(json.dumps({"exports": dispatcher.exports()}).encode())
        gc.freeze()  # what has been loaded stays: the collector need not look at it again

    def sync(self) -> None:
        """The journal is full."""
        dispatcher = _kept[0]
        dispatcher.sync(dispatcher.vm.abi.journal())


gc.collect()
gc.freeze()
