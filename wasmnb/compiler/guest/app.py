"""The app inside the runtime: connects the component's world with the SDK's dispatcher.

componentize-py runs this file once, at build time, and keeps the resulting memory. `start` runs in every VM from the
module's `_initialize`. Callbacks go directly to the dispatcher, because the glue knows the addresses of its bound
methods. Hostcalls are built-in functions that the glue creates.
"""

from __future__ import annotations

import sys
from importlib import import_module

import_module("wasmnb_no_docstrings")
import_module("wasmnb_preload")  # filters have no file system to import from
sys.modules["_sqlite3"] = None  # type: ignore[assignment]  # it needs files, and release modules lack it

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
from wasmnb.sdk.loading.environment import take_variables
from wasmnb.sdk.loading.load_error import load_error
from wasmnb.sdk.loading.parts import unpack
from wasmnb.sdk.loading.start_watch import StartWatch
from wasmnb.sdk.logs import take_over_output

_VERSION = AbiVersion.V0_2_1


class _Binding:
    """The hostcalls, as attributes."""


#: The VM's dispatcher, and the methods whose addresses the glue holds: both must stay alive.
_kept: list[Any] = []


def _abort(*_: object) -> None:
    """Stop the VM after an exception that left a callback. The dispatcher has logged it."""
    host.abort()


def _environment() -> None:
    """Replace the environment variables of the build by those of this VM."""
    os.environ.clear()
    for entry in host.environment().split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals:
            os.environ[os.fsdecode(name)] = os.fsdecode(value)


def _resume() -> None:
    """Renew what differs between VMs, after the filter was loaded in another one and its memory was copied."""
    try:
        random.seed()
        _environment()
        _kept[0].vm.variables = take_variables(os.environ)
    except BaseException:  # noqa: BLE001 - the VM must not run with another VM's environment
        _abort()


def _make_dispatcher() -> Dispatcher:
    """Get the hostcalls from the glue and register the callbacks. In CPython an object's id is its address."""
    natives: list[Any] = []
    binding = _Binding()
    host.natives(id(natives))
    for native in natives:
        setattr(binding, native.__name__, native)
    dispatcher = Dispatcher(binding)
    methods = [getattr(dispatcher, c.short, None) or _missing for c in callbacks_for(_VERSION).values()]
    methods.append(dispatcher.control)  # the glue numbers it after the callbacks
    for number, method in enumerate(methods):
        host.bind(number, id(method))
    _kept.extend((dispatcher, methods))
    return dispatcher


def _missing(*_: object) -> int:
    return 0


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """The class that componentize-py looks for."""

    def start(self) -> None:
        """Load the filter. Runs once in every VM."""
        dispatcher = _make_dispatcher()
        sys.excepthook = sys.unraisablehook = _abort
        take_over_output()
        dispatcher.resume = _resume
        random.seed()
        _environment()
        dispatcher.vm.variables = take_variables(os.environ)
        parts, modules, package = unpack(host.source())
        watch = StartWatch()
        try:
            with watch:
                dispatcher.load_parts(parts, modules, package)
        except BaseException as error:
            outer = error.__traceback__
            report = load_error(
                error.with_traceback(outer and outer.tb_next),
                [*(m.filename for m in modules), *(p.filename for p in parts)],
            )
            host.report(json.dumps(report).encode("utf-8", "backslashreplace"))
            raise
        callbacks = dispatcher.callbacks()
        report = {"exports": dispatcher.exports(), "callbacks": callbacks, "reads": watch.reads}
        host.report(json.dumps(report).encode())
        gc.freeze()  # loaded objects stay: the collector can skip them

    def sync(self) -> None:
        """Process the journal, which is full."""
        dispatcher = _kept[0]
        dispatcher.sync(dispatcher.vm.abi.journal())


gc.collect()
gc.freeze()
