"""The app inside the runtime, which connects the component's world with the SDK's dispatcher.

componentize-py runs this file once, at build time, and keeps the resulting memory. The module's `_initialize` calls `start` in
every VM. For callbacks, the glue calls the dispatcher's bound methods directly by their addresses. Hostcalls are built-in
functions that the glue creates.
"""

from __future__ import annotations

import sys
from importlib import import_module

import_module("wasmnb_no_docstrings")
import_module("wasmnb_preload")  # everything is imported now, because filters have no file system
sys.modules["_sqlite3"] = None  # type: ignore[assignment]  # it needs files, and release modules don't contain it

# ruff: noqa: E402
import gc
import json
import os
import random
from typing import Any

import wit_world
from wasmnb_archive import install as install_archive  # type: ignore[import-not-found]
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
    """Object whose attributes are the hostcalls."""

    archive: Any


#: The VM's dispatcher, and the methods whose addresses the glue stores. All of them must stay alive.
_kept: list[Any] = []


def _abort(*_: object) -> None:
    """Stop the VM after an exception in a callback. The dispatcher has logged the exception."""
    host.abort()


def _ignored(unraisable: sys.UnraisableHookArgs, /) -> None:
    """Log an exception that can't be raised in a callback, such as one from a `__del__` method. The filter continues to run."""
    if unraisable.exc_value is not None:
        _kept[0].vm.errors.report_ignored(unraisable.exc_value, unraisable.err_msg, unraisable.object)


def _uncaught(_type: object, error: BaseException, _traceback: object) -> None:
    """Log an exception that the filter passes to `sys.excepthook`."""
    _kept[0].vm.report(error)


def _environment() -> None:
    """Replace the environment variables of the build with those of this VM."""
    os.environ.clear()
    for entry in host.environment().split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals:
            os.environ[os.fsdecode(name)] = os.fsdecode(value)


def _resume() -> None:
    """Update the state that differs between VMs. This VM's memory is a copy of the memory of a VM that had
    loaded the filter.
    """
    try:
        random.seed()
        _environment()
        _kept[0].vm.variables = take_variables(os.environ)
    except BaseException:  # noqa: BLE001 - the VM must not run with another VM's environment
        _abort()


def _make_dispatcher() -> Dispatcher:
    """Create the dispatcher with hostcalls from the glue, and register its callbacks by their addresses. In CPython, the id of
    an object is its address.
    """
    natives: list[Any] = []
    binding = _Binding()
    host.natives(id(natives))
    for native in natives:
        setattr(binding, native.__name__, native)
    install_archive(binding.archive)
    dispatcher = Dispatcher(binding)
    methods = [getattr(dispatcher, c.short, None) or _missing for c in callbacks_for(_VERSION).values()]
    methods.append(dispatcher.introspect)  # the glue numbers it after the callbacks
    for number, method in enumerate(methods):
        host.bind(number, id(method))
    _kept.extend((dispatcher, methods))
    return dispatcher


def _missing(*_: object) -> int:
    return 0


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """Class with the component's exports, which componentize-py requires."""

    def start(self) -> None:
        """Load the filter. Called once in every VM."""
        dispatcher = _make_dispatcher()
        sys.excepthook = _abort
        sys.unraisablehook = _ignored
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
        sys.excepthook = _uncaught
        callbacks, classes = dispatcher.callbacks(), dispatcher.class_names()
        report = {"exports": dispatcher.exports(), "callbacks": callbacks, "classes": classes, "reads": watch.reads}
        host.report(json.dumps(report).encode())
        gc.freeze()  # loaded objects stay alive, so the collector can skip them

    def sync(self) -> None:
        """Process the journal of created and deleted contexts. Called when the journal is full."""
        dispatcher = _kept[0]
        dispatcher.sync(dispatcher.vm.abi.journal())


# Filters can't import from zip files. Without this importer, a VM needs 70 kB less.
sys.path_hooks[:] = [hook for hook in sys.path_hooks if getattr(hook, "__module__", "") != "zipimport"]
sys.path_importer_cache.clear()
del sys.modules["zipimport"]

#: Nothing is read from standard input, so a small buffer replaces Python's buffer of 128 KiB.
sys.stdin = sys.__stdin__ = open(0, buffering=256, closefd=False)  # type: ignore[misc]  # noqa: SIM115

gc.collect()
gc.freeze()
