"""The program inside the runtime: between the component's world and the SDK's dispatcher.

componentize-py runs this file once, at build time, and keeps the memory that it leaves behind. `start` runs in every VM,
from the module's `_initialize`. Callbacks go straight to the dispatcher: the world's class is given its bound methods, so
that no frame stands between.
"""

import gc
import json
import os
import random
import sys

import wit_world
from wit_world.imports import host

import wasmnb_preload  # noqa: F401 -- what filters may import has to be in memory before there is no file system
from wasmnb.abi import CALLBACKS
from wasmnb.sdk.dispatch import Dispatcher
from wasmnb.sdk.logs import take_over_output
from wasmnb.sdk.tracebacks import format_exception

_dispatcher = Dispatcher(host)


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


def _start(_self):
    sys.excepthook = sys.unraisablehook = _abort
    take_over_output()
    random.seed()
    _environment()
    filename, first_line, source = host.source().split(b"\0", 2)
    filename = filename.decode()
    try:
        _dispatcher.load(source.decode(), filename, int(first_line))
    except BaseException as error:
        _refuse(error.with_traceback(error.__traceback__.tb_next), filename)
        raise
    host.report(json.dumps({"exports": _dispatcher.exports()}).encode())
    gc.freeze()  # what has been loaded stays: the collector need not look at it again


def _world():
    """The class that componentize-py looks for, with one method a callback."""
    methods = {c.short: getattr(_dispatcher, c.short, None) or _missing for c in CALLBACKS.values()}
    methods["start"] = _start
    methods["sync"] = lambda _self: _dispatcher.sync(host.journal())
    return type("WitWorld", (wit_world.WitWorld,), methods)


def _missing(*_):
    return 0


WitWorld = _world()

gc.collect()
gc.freeze()
