"""The program inside the runtime: between the component's world and the SDK's dispatcher.

componentize-py runs this file once, at build time, and keeps the memory that it leaves behind. `start` runs in every VM,
from the module's `_initialize`. Callbacks go straight to the dispatcher: the glue is given the addresses of its bound
methods. Hostcalls are built-in functions that the glue makes.
"""

from __future__ import annotations

import sys
from importlib import import_module

import_module("wasmnb_no_docstrings")
import_module("wasmnb_preload")  # what filters may import has to be in memory before there is no file system
sys.modules["_sqlite3"] = None  # type: ignore[assignment]  # it needs files, and is left out of release modules

# ruff: noqa: E402
import gc
import json
import os
import random
from typing import Any

import wit_world
from wit_world.imports import host

from wasmnb.abi import AbiVersion, callbacks_for
from wasmnb.sdk.dispatch import Dispatcher
from wasmnb.sdk.loading.load_error import refusal
from wasmnb.sdk.loading.parts import unpack
from wasmnb.sdk.loading.start_watch import StartWatch
from wasmnb.sdk.logs import take_over_output

_VERSION = AbiVersion.V0_2_1


class _Binding:
    """The hostcalls, as attributes."""


#: The VM's dispatcher, and the methods that the glue knows by their addresses: both have to stay.
_kept: list[Any] = []


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


def _resume() -> None:
    """Go on in a VM whose memory was taken when the filter had been loaded elsewhere: what differs from VM to VM is renewed."""
    try:
        random.seed()
        _environment()
    except BaseException:  # noqa: BLE001 -- the VM must not run with another one's environment
        _abort()


def _make_dispatcher() -> Dispatcher:
    """Take the hostcalls from the glue, and leave it the callbacks. In CPython an object's id is its address."""
    natives: list[Any] = []
    binding = _Binding()
    host.natives(id(natives))
    for native in natives:
        setattr(binding, native.__name__, native)
    dispatcher = Dispatcher(binding)
    methods = [getattr(dispatcher, c.short, None) or _missing for c in callbacks_for(_VERSION).values()]
    methods.append(dispatcher.control)  # the glue counts it as one more callback
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
        dispatcher.resume = _resume
        random.seed()
        _environment()
        parts, modules, package = unpack(host.source())
        watch = StartWatch()
        try:
            with watch:
                dispatcher.load_parts(parts, modules, package)
        except BaseException as error:
            here = error.__traceback__
            word = refusal(
                error.with_traceback(here and here.tb_next),
                [*(m.filename for m in modules), *(p.filename for p in parts)],
            )
            host.report(json.dumps(word).encode("utf-8", "backslashreplace"))
            raise
        host.report(json.dumps({"exports": dispatcher.exports(), "reads": watch.reads}).encode())
        gc.freeze()  # what has been loaded stays: the collector need not look at it again

    def sync(self) -> None:
        """The journal is full."""
        dispatcher = _kept[0]
        dispatcher.sync(dispatcher.vm.abi.journal())


gc.collect()
gc.freeze()
