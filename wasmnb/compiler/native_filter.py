"""Filters that run natively, which means in this Python interpreter instead of Wasm."""

from __future__ import annotations

import linecache
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from .._version import __version__
from ..abi import CALLBACKS, Callbacks
from ..engine import Engine, Trap
from ..sdk.loading.load_error import load_error
from .dependencies.filter_source import Source
from .glue import VERSION
from .info import FilterInfo
from .native_mode.image import NativeImage
from .native_mode.warnings import Differences, version_hint
from .runtime_build.probe import Probe, Scratch, located, source_error, with_stand_ins

__all__ = ["NativeFilter"]


class _Compiled(Protocol):
    def wasm(self) -> bytes: ...


class NativeFilter:
    """Backend of a native filter. Creating the object loads the source once to find its callbacks and errors.

    Parameters
    ----------
    source
        The filter's source.
    path
        Folders with the filter's own modules.
    compile_it
        Function that compiles the same source to Wasm. It is called only when the Wasm module is needed.

    Raises
    ------
    SourceError
        The source raises an exception, which becomes the cause of this error, or doesn't define a filter.
    """

    native: ClassVar[bool] = True

    def __init__(self, source: Source, path: Sequence[Path], compile_it: Callable[[], _Compiled]) -> None:
        started = time.perf_counter()
        self._compile_it = compile_it
        differences = Differences()
        self.source = differences.resolved(source, path)
        probed = _probe(NativeImage(self.source, None, differences))
        self.callbacks, self.classes = Callbacks.of_classes(probed.callbacks), probed.classes
        self._image = NativeImage(self.source, frozenset(probed.exports), differences)
        _register_with_debuggers(self.source)
        self._seconds = time.perf_counter() - started

    def image(self, _engine: Engine) -> NativeImage:
        """Return the object from which a host creates VMs. The engine isn't used."""
        return self._image

    @cached_property
    def compiled(self) -> _Compiled:
        """Backend that runs the same source in Wasm. It is compiled at the first access."""
        return self._compile_it()

    def wasm(self) -> bytes:
        """Return the bytes of the Wasm module compiled from the same source."""
        return self.compiled.wasm()

    def info(self, name: str) -> FilterInfo:
        """Return facts about the filter that are known without compiling it to Wasm. `name` is the filter's name."""
        return FilterInfo(
            name,
            VERSION.text,
            imports=(),
            exports=tuple(e.name for e in self._image.exports),
            size=0,
            sections={},
            memory=0,
            python=platform.python_version(),
            sdk=__version__,
            modules=tuple(m.name for m in self.source.modules),
            build_times={"filter": round(self._seconds, 4)},
            native=True,
        )


def _register_with_debuggers(source: Source) -> None:
    """Register the text of cells for debuggers under absolute paths, because debuggers convert all file names to absolute
    paths.
    """
    for name in {place.filename for place in source.places()}:
        path = Path(name).absolute()
        if name in linecache.cache and str(path) != name and not os.path.exists(path):  # noqa: PTH110 -- any name
            linecache.cache[str(path)] = linecache.cache[name]


def _probe(image: NativeImage) -> Probe:
    """Load the source once, and return its exports, callbacks and classes."""
    return with_stand_ins(lambda variables: _load(image, variables), Probe(tuple(CALLBACKS)))


def _load(image: NativeImage, variables: Mapping[str, str]) -> Probe:
    source = image.source
    scratch = Scratch(image, variables)
    try:
        start = scratch.instance.function("_initialize")
        assert start is not None
        start()
        dispatcher: Any = scratch.instance.dispatcher  # type: ignore[attr-defined]
        return Probe(tuple(dispatcher.exports()), dispatcher.callbacks(), dispatcher.class_names())
    except Trap as trap:
        report = {} if trap.raised is None else load_error(trap.raised, [place.filename for place in source.places()])
        if report.get("type") == "SyntaxError":
            report["hint"] = report["hint"] or version_hint()
        raise located(report, source_error(report, trap, scratch.log, source.filename)) from trap.raised
    finally:
        scratch.instance.close()
