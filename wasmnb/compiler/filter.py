"""The class `Filter`: a Wasm filter, compiled from Python source or loaded from a module."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .. import _hooks
from .._display import Shown
from ..abi import Callbacks
from ..engine import Engine, Runnable
from ..errors import BuildError, ModuleError, UsageError
from ..parsing.leb128 import CORE_MAGIC
from .cache.atomic_file import disk_fault, write_whole
from .dependencies.filter_source import Part, Source, file_part, read_file
from .filter_backend import FilterBackend
from .info import FilterInfo
from .module_filter import load_module
from .release.profile.block_profile import BlockProfile
from .runtime_build.runtime import Progress
from .source_filter import compile_source

if TYPE_CHECKING:
    from .release.profile.recorded_filter import RecordedFilter

__all__ = ["Filter", "FilterInfo"]


class Filter(Shown):
    """A compiled filter. Filters are created with `from_source`, `from_file` or `from_class`.

    Attributes
    ----------
    name
        Name of the filter in the proxy.
    source
        Python source, or None for a module from another toolchain.
    filename
        File name of the source in tracebacks, or the name of the Wasm module's file.
    context_class
        The Python class that was compiled, if `@wasmnb.filter` or `from_class` created the filter; otherwise None. Unit tests
        can call its methods directly.
    """

    context_class: type[Any] | None = None

    def __init__(self, name: str, filename: str, backend: FilterBackend) -> None:
        self.name = name
        self.filename = filename
        self._backend = backend
        self._releases: dict[bool, Filter] = {}

    @classmethod
    def from_source(
        cls,
        text: str,
        name: str | None = None,
        *,
        filename: str = "<filter>",
        first_line: int = 1,
        path: Sequence[str | os.PathLike[str]] = (),
        progress: Progress | None = None,
    ) -> Filter:
        """Compile Python source to a filter.

        Compiling the first filter with a new set of imports takes about ten seconds. Later filters take tens of milliseconds.

        Parameters
        ----------
        text
            Source with at least one class that derives from `HttpContext` or `TcpContext`.
        name
            Name of the filter in the proxy (default `filter`).
        filename
            File name of the source in errors and tracebacks (default `<filter>`).
        first_line
            Line number of the first line of `text` in that file (default 1).
        path
            Folders to search for the filter's own modules, which become part of the filter (default none). Other packages are
            copied from the current Python environment.
        progress
            Called with the name of a step and a fraction from 0 to 1 while a runtime is built (default None).

        Returns
        -------
        Filter
            The compiled filter.

        Raises
        ------
        SourceError
            The source has a syntax error, an import that isn't available, or no filter class.
        BuildError
            Building failed because of the toolchain, the cache or the disk.
        """
        return cls.from_parts((Part(text, filename, first_line),), name, path=path, progress=progress)

    @classmethod
    def from_parts(
        cls,
        parts: Sequence[Part],
        name: str | None = None,
        *,
        path: Sequence[str | os.PathLike[str]] = (),
        package: str = "",
        progress: Progress | None = None,
    ) -> Filter:
        """Compile source that consists of several parts, such as notebook cells.

        Parameters
        ----------
        parts
            `Part(text, filename, first_line)` objects, which run in this order in one namespace.
        name, path, progress
            As for `from_source`, with the same defaults.
        package
            Dotted name of the package on `path` against which relative imports in the parts are resolved (default none).

        Returns
        -------
        Filter
            The compiled filter.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`. The message names the part or the module that failed.
        """
        source = Source(tuple(parts), package=package)
        name = name or "filter"
        return cls(name, source.filename, compile_source(source, [Path(p) for p in path], progress, name))

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], name: str | None = None, *, progress: Progress | None = None
    ) -> Filter:
        """Compile a `.py` file, or load a `.wasm` module that was written in any language.

        A `.py` file can import modules and packages from its own folder.

        Parameters
        ----------
        path
            Path of the file.
        name
            Name of the filter in the proxy. By default, the file's name without its suffix.
        progress
            As for `from_source` (default None).

        Returns
        -------
        Filter
            The filter.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`.
        ModuleError
            Envoy would refuse to load the module.
        UsageError
            The file can't be read, or is neither Python nor Wasm.
        """
        path = Path(path)
        data = read_file(path)
        name = name or path.stem
        if path.suffix == ".wasm" or data[:4] == CORE_MAGIC[:4]:
            try:
                return cls(name, path.name, load_module(data))
            except ModuleError as error:
                raise ModuleError(f"Envoy would refuse {path}:\n{error}") from None
        if path.suffix not in {".py", ""}:
            raise UsageError(
                f"{path} is neither a .py nor a .wasm file. Pass the path of a Python source file or a Wasm module."
            )
        return cls.from_parts((file_part(path, data),), name, path=[path.parent], progress=progress)

    @classmethod
    def native(
        cls,
        source: str | type | os.PathLike[str] | Source | Filter,
        name: str | None = None,
        *,
        filename: str = "<filter>",
        first_line: int = 1,
        path: Sequence[str | os.PathLike[str]] = (),
    ) -> Filter:
        """Create a filter that runs in this Python interpreter instead of Wasm, so that debuggers, coverage and profilers work.

        The simulated host, the traffic and the trace are the same as with Wasm, and every VM has its own copy of the filter's
        modules. Code that works here but wouldn't work in Wasm causes one `NativeWarning` for each line.

        Parameters
        ----------
        source
            Source text, the `Path` of a `.py` file, a class, or another filter that was compiled from Python.
        name, filename, first_line, path
            As for `from_source`, with the same defaults. `filename` and `first_line` are used only if `source` is text.

        Returns
        -------
        Filter
            A filter whose `is_native` is True.

        Raises
        ------
        SourceError
            As for `from_source`. Its cause is the exception that the source raised.
        UsageError
            The file can't be read, or `source` is a filter that was loaded from a Wasm module.
        """
        from .native_filter import NativeFilter
        from .native_mode import SourceInput

        native = SourceInput.of(source, filename, first_line, [Path(p) for p in path])
        name = name or native.name
        compiled = partial(compile_source, native.source, native.path, None, name)
        return cls(name, native.source.filename, NativeFilter(native.source, native.path, compiled))

    @classmethod
    def from_class(
        cls,
        context_class: type[Any],
        name: str | None = None,
        *,
        path: Sequence[str | os.PathLike[str]] = (),
        progress: Progress | None = None,
        running: FrameType | None = None,
    ) -> Filter:
        """Compile a class together with everything that it refers to, as `@wasmnb.filter` does.

        Parameters
        ----------
        context_class
            Class to compile, which must derive from `HttpContext`, `TcpContext` or `PluginContext`.
        name
            Name of the filter in the proxy. By default, the name of the class.
        path
            Additional folders to search for modules that the class imports (default none).
        progress
            As for `from_source` (default None).
        running
            Frame in which the class statement is still running. If it is set, statements below the class are collected as well
            (default None).

        Returns
        -------
        Filter
            The compiled filter, with `context_class` set.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`. Also raised if the source of the class can't be found, or uses a value that can't be stored.
        """
        from .cell_source.class_collector import collect

        collected = collect(context_class, running)
        compiled = cls.from_parts(
            collected.source.parts,
            name or context_class.__name__,
            path=[*collected.path, *path],
            package=collected.source.package,
            progress=progress,
        )
        compiled.context_class = context_class
        return compiled

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "filter") -> Filter:
        """Load a Wasm module from bytes.

        Parameters
        ----------
        data
            The module's bytes.
        name
            Name of the filter in the proxy (default `filter`).

        Returns
        -------
        Filter
            The filter.

        Raises
        ------
        ModuleError
            Envoy would refuse to load the module.
        """
        return cls(name, f"<{name}>", load_module(data))

    @property
    def source(self) -> str | None:
        """Python source of all parts, joined into one text. None for a module from another toolchain."""
        return self.bundle.text if self.bundle else None

    @property
    def bundle(self) -> Source | None:
        """Python source with its separate parts and the filter's own modules. None for a module from another toolchain."""
        return self._backend.source

    @property
    def file_names(self) -> Mapping[str, str]:
        """Original names of files and cells, by the portable names in a release module. Empty for other modules."""
        return getattr(self._backend, "file_names", {})

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the filter's classes define or its module exports. They determine whether it can be used as an HTTP or
        network filter.
        """
        return self._backend.callbacks

    @property
    def classes(self) -> Mapping[str, str]:
        """Names of the filter's classes by kind: `vm`, `plugin`, `http` and `tcp`. Empty for modules from other toolchains."""
        return self._backend.classes

    @property
    def is_native(self) -> bool:
        """Whether the filter runs in this Python interpreter instead of Wasm."""
        return self._backend.native

    @property
    def compiled(self) -> Filter:
        """The filter compiled to Wasm. This is the filter itself unless it is native."""
        backend: FilterBackend | None = getattr(self._backend, "compiled", None)
        return self if backend is None else Filter(self.name, self.filename, backend)

    @property
    def wasm(self) -> bytes:
        """Bytes of the full Wasm module (`release()` returns the smaller release module). A native filter is compiled first."""
        return self._backend.wasm()

    @cached_property
    def info(self) -> FilterInfo:
        """Imports, exports and sizes of the module, and the runtime that it contains."""
        return self._backend.info(self.name)

    def image(self, engine: Engine) -> Runnable:
        """Return the object from which a host creates VMs.

        Parameters
        ----------
        engine
            Engine that compiles the module. Native filters don't use it.
        """
        return self._backend.image(engine)

    def release(
        self, *, profile: BlockProfile | Any = None, strip: bool = True, progress: Progress | None = None
    ) -> Filter:
        """Return this filter as a release module, which starts faster and needs less memory than the full module.

        Code that filters rarely execute is interpreted instead of compiled. Module-level code is executed now instead of in
        every VM, unless its result depends on time, environment variables or random numbers. `info.release.uses` lists such
        inputs. Modules from another toolchain are returned unchanged.

        Parameters
        ----------
        profile
            A `Proxy` that has served requests with this filter, or a profile from `wasmnb.traffic.record_code_profile`. Code
            that ran during this traffic is compiled as well. By default (None), only code that most filters execute is
            compiled.
        strip
            Whether to remove comments and docstrings from the source (default True). Line numbers don't change. Docstrings are
            kept if the source reads `__doc__`.
        progress
            Called with the name of a step and a fraction from 0 to 1 (default None). The first release module with a runtime
            takes about 15 seconds, and later release modules 2 to 3 seconds.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`.
        UsageError
            The proxy in `profile` hasn't served any requests.
        """
        from .release.release_filter import make_release
        from .source_filter import SourceFilter

        backend = self.compiled._backend
        if not isinstance(backend, SourceFilter):
            return self
        if profile is None and strip in self._releases:
            return self._releases[strip]
        if profile is not None and not isinstance(profile, BlockProfile):
            profile = _hooks.code_profile(profile)
        release = Filter(self.name, self.filename, make_release(backend, profile, progress, strip=strip))
        if profile is None:
            self._releases[strip] = release
        return release

    def recorded(self) -> RecordedFilter | None:
        """Return a variant of the filter that records which code is executed, or None for a module from another toolchain."""
        from .release.profile.recorded_filter import RecordedFilter
        from .source_filter import SourceFilter

        backend = self.compiled._backend
        return RecordedFilter(backend) if isinstance(backend, SourceFilter) else None

    def to_bytes(
        self,
        *,
        debug: bool = False,
        strip: bool | None = None,
        profile: BlockProfile | Any = None,
        progress: Progress | None = None,
    ) -> bytes:
        """Return the module's bytes as `save` would write them. The errors are those of `save`.

        Parameters
        ----------
        debug
            Whether to return the full module instead of the release module (default False).
        strip
            Whether to remove comments and docstrings. By default (None), they are removed from a release module, and kept with
            `debug`.
        profile
            Profile of the code to compile in the release module, as for `release` (default None).
        progress
            Function that is called with the step and the fraction that is done, as for `from_source` (default None).
        """
        strip = not debug if strip is None else strip
        if not debug:
            return self.release(profile=profile, strip=strip, progress=progress).wasm
        from .source_filter import SourceFilter

        backend = self.compiled._backend
        return backend.portable(strip=strip).with_runtime().wasm if isinstance(backend, SourceFilter) else self.wasm

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        debug: bool = False,
        strip: bool | None = None,
        profile: BlockProfile | Any = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write the module to a file. If writing fails or is interrupted, an existing file isn't changed.

        The file doesn't contain folder names or cell numbers. Builds are reproducible: the same source and packages, built with
        the same versions of wasmnb and its tools, produce the same bytes in any folder.

        Parameters
        ----------
        path
            Path of the file. Missing folders are created.
        debug
            Write the full module instead of the release module (default False).
        strip
            Whether to remove comments and docstrings, as for `release`. By default, True for release modules and False for full
            modules.
        profile, progress
            As for `release` (default none).

        Returns
        -------
        Path
            The path of the written file.

        Raises
        ------
        BuildError
            The file can't be written.
        """
        target = Path(path)
        data = self.to_bytes(debug=debug, strip=strip, profile=profile, progress=progress)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, data)
        except OSError as error:
            raise BuildError(f"Can't write {target}: {disk_fault(error)}. Choose a path that you can write.") from error
        return target

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type[Any], ...]:
        """Make `class Child(Decorated)` derive from the decorated class."""
        if self.context_class is None:
            raise TypeError(
                f"{self!r} can't be a base class, because @wasmnb.filter didn't create it. Derive from the class in its source."
            )
        return (self.context_class,)

    def __repr__(self) -> str:
        return f"<Filter {self.name!r} from {self.filename}{', native' if self.is_native else ''}>"
