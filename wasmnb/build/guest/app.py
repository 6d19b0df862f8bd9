"""The program inside the runtime: between the component's world and the SDK's dispatcher.

componentize-py runs this file once, at build time, and keeps the memory that it leaves behind. `start` runs in every VM,
from the module's `_initialize`. Callbacks go straight to the dispatcher: the glue is given the addresses of its bound
methods. Hostcalls are built-in functions that the glue makes.
"""

import importlib.machinery
import sys


def _compile(self, data, path, *, _optimization=-1):
    """Leave the docstrings out, but for packages that a filter brings: some read their own.

    componentize-py puts the folders of the Python path at /0, /1, ...: the second one is for packages.
    """
    return compile(data, path, "exec", dont_inherit=True, optimize=0 if path.startswith("/1/") else 2)


importlib.machinery.SourceFileLoader.source_to_code = _compile

import gc
import json
import os
import random

import wit_world
from wit_world.imports import host

import wasmnb_preload  # noqa: F401 -- what filters may import has to be in memory before there is no file system
from wasmnb.abi import AbiVersion, callbacks_for, hostcalls_for
from wasmnb.sdk.dispatch import Dispatcher
from wasmnb.sdk.logs import take_over_output
from wasmnb.sdk.tracebacks import format_exception

_VERSION = AbiVersion.V0_2_1


class _Binding:
    """The hostcalls, as attributes."""


#: The VM's dispatcher, and the methods that the glue knows by their addresses: both have to stay.
_kept = []


def _refuse(error, filename):
    """Leave word of why the source does not load, for whoever builds it."""
    place = error if isinstance(error, SyntaxError) else None
    lines = [(f.filename, f.lineno) for f in _frames(error) if f.filename == filename]
    host.report(
        json.dumps(
            {
                "type": type(error).__name__,
                "message": str(error.args[0]) if error.args else "",
                "filename": getattr(error, "filename", None) or filename,
                "lineno": getattr(error, "lineno", None) or (lines[-1][1] if lines else None),
                "offset": place.offset if place is not None else None,
                "hint": getattr(error, "hint", ""),
                "name": getattr(error, "name", None),
                "traceback": format_exception(error),
            }
        ).encode("utf-8", "backslashreplace")
    )


def _frames(error):
    import traceback

    return traceback.extract_tb(error.__traceback__)


def _abort(*_):
    """An exception has left a callback. The dispatcher has logged it; what remains is to stop the VM."""
    host.abort()


def _environment():
    """The variables that the proxy gives this VM, which are others than those of the build."""
    os.environ.clear()
    for entry in host.environment().split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals:
            os.environ[os.fsdecode(name)] = os.fsdecode(value)


def _dispatcher():
    """Take the hostcalls from the glue, and leave it the callbacks. In CPython an object's id is its address."""
    natives, binding = [], _Binding()
    host.natives(id(natives))
    for name, native in zip(("journal", *(h.short for h in hostcalls_for(_VERSION).values())), natives, strict=True):
        setattr(binding, name, native)
    dispatcher = Dispatcher(binding)
    methods = [getattr(dispatcher, c.short, None) or _missing for c in callbacks_for(_VERSION).values()]
    for number, method in enumerate(methods):
        host.bind(number, id(method))
    _kept.extend((dispatcher, methods))
    return dispatcher


def _missing(*_):
    return 0


def _start(_self):
    dispatcher = _dispatcher()
    sys.excepthook = sys.unraisablehook = _abort
    take_over_output()
    random.seed()
    _environment()
    filename, first_line, source = host.source().split(b"\0", 2)
    filename = filename.decode()
    try:
        dispatcher.load(source.decode(), filename, int(first_line))
    except BaseException as error:
        _refuse(error.with_traceback(error.__traceback__.tb_next), filename)
        raise
    host.report(json.dumps({"exports": dispatcher.exports()}).encode())
    gc.freeze()  # what has been loaded stays: the collector need not look at it again


class WitWorld(wit_world.WitWorld):
    """The class that componentize-py looks for."""

    start = _start

    def sync(self):
        """The journal is full."""
        dispatcher = _kept[0]
        dispatcher.sync(dispatcher.vm.abi.journal())


gc.collect()
gc.freeze()
