"""The class `Filter`: a compiled module that was made from Python source or loaded from a file."""

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
    """A compiled filter. Create one with `from_source`, `from_file` or `from_class`.

    Attributes
    ----------
    name
        Name of the filter in the proxy.
    source
        Python source, or None for a module from another toolchain.
    filename
        File name of the source in tracebacks; for a Wasm module, the name of its file.
    context_class
        Class from which `@wasmnb.filter` or `from_class` made the filter, otherwise None. Unit tests can call its
        methods.
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
        """Compile Python source.

        The first filter with a new set of imports takes about ten seconds to compile, later ones tens of milliseconds.

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
            Folders with the filter's own modules, which become part of the filter (default none). Other packages are
            copied from this environment.
        progress
            Function that is called with the name of a step and a fraction from 0 to 1 while a runtime is built (default none).

        Returns
        -------
        Filter
            The compiled filter.

        Raises
        ------
        SourceError
            The source has a syntax error, an import that isn't available, or no filter class.
        BuildError
            The toolchain, the cache or the disk failed.
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
            As for `from_source`.
        package
            Dotted name of a package on `path`, from which relative imports in the parts start (default none).

        Returns
        -------
        Filter
            The compiled filter.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`. The error gives the part or the filter's own module that failed.
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
            As for `from_source`.

        Returns
        -------
        Filter
            The filter.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`.
        ModuleError
            Envoy would refuse the module.
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
            raise UsageError(f"{path} is neither a .py nor a .wasm file. Give the path of one of these.")
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
        """Run Python source in this interpreter instead of Wasm, for debuggers, coverage and profilers.

        The simulated host, the traffic and the trace are the same as with Wasm, and every VM has its own copy of the source's
        modules. Code that works here but not in Wasm causes a `NativeWarning` at its line, once.

        Parameters
        ----------
        source
            Source text, the `Path` of a `.py` file, a class, or another filter that was made from Python.
        name, filename, first_line, path
            As for `from_source`. `filename` and `first_line` are used only if `source` is text.

        Returns
        -------
        Filter
            A filter whose `is_native` is True.

        Raises
        ------
        SourceError
            As for `from_source`. Its cause is the exception that the source raised.
        UsageError
            The file can't be read, or `source` has no Python source.
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
        """Compile a class with everything that it refers to, as `@wasmnb.filter` does.

        Parameters
        ----------
        context_class
            Class to compile, which must derive from `HttpContext`, `TcpContext` or `PluginContext`.
        name
            Name of the filter in the proxy. By default, the name of the class.
        path
            Further folders with modules that the class imports (default none).
        progress
            As for `from_source`.
        running
            Frame in which the class statement is running. If it is given, statements below the class are collected as well
            (default none).

        Returns
        -------
        Filter
            The compiled filter, with `context_class` set.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`. Also raised if the class's source can't be found, or a value can't be part of a module.
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
        """Load a module from memory.

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
            Envoy would refuse the module.
        """
        return cls(name, f"<{name}>", load_module(data))

    @property
    def source(self) -> str | None:
        """The Python source with its parts joined, or None for a module from another toolchain."""
        return self.bundle.text if self.bundle else None

    @property
    def bundle(self) -> Source | None:
        """The Python source with all parts and modules, or None for a module from another toolchain."""
        return self._backend.source

    @property
    def file_names(self) -> Mapping[str, str]:
        """Names of files and cells by their names in a release module. Other modules have the names that you know."""
        return getattr(self._backend, "file_names", {})

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks of the filter's classes, or those that the module exports. They determine the plugin's kind."""
        return self._backend.callbacks

    @property
    def classes(self) -> Mapping[str, str]:
        """Names of the source's classes by kind: `vm`, `plugin`, `http`, `tcp`. Empty for a module from another toolchain."""
        return self._backend.classes

    @property
    def is_native(self) -> bool:
        """Whether the filter runs in this Python interpreter instead of Wasm."""
        return self._backend.native

    @property
    def compiled(self) -> Filter:
        """The filter in Wasm: itself, unless it is native."""
        backend: FilterBackend | None = getattr(self._backend, "compiled", None)
        return self if backend is None else Filter(self.name, self.filename, backend)

    @property
    def wasm(self) -> bytes:
        """Bytes of the complete module: for a filter from source, the full module. A native filter is compiled first."""
        return self._backend.wasm()

    @cached_property
    def info(self) -> FilterInfo:
        """Facts about the module and the runtime that it contains."""
        return self._backend.info(self.name)

    def image(self, engine: Engine) -> Runnable:
        """Return the object that a host instantiates to create a VM.

        Parameters
        ----------
        engine
            Engine that compiles the module. Native filters don't use it.
        """
        return self._backend.image(engine)

    def release(
        self, *, profile: BlockProfile | Any = None, strip: bool = True, progress: Progress | None = None
    ) -> Filter:
        """Return the filter as a release module, which starts faster and needs less memory than the full one.

        Code that filters rarely execute is interpreted instead of compiled. The filter's module-level code runs now instead of
        in every VM, unless it depends on time, environment variables or random numbers; see `info.release`. Modules from
        another toolchain are returned unchanged.

        Parameters
        ----------
        profile
            A `Proxy` that has had traffic of this filter, or a profile from `wasmnb.traffic.record_code_profile`. The code that
            the traffic executed is compiled as well. By default, only code that most filters execute is compiled.
        strip
            Leave out comments and docstrings (default True). Lines keep their numbers. If the source reads docstrings
            (`__doc__`), they are kept.
        progress
            Function that is called with the name of a step and a fraction from 0 to 1 (default none). The first release module
            with a runtime takes about 15 seconds, later ones 2 to 3.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`.
        UsageError
            The proxy in `profile` has had no requests.
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
        """Return a variant of the filter that records which code it executes, or None for a module from another toolchain."""
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
        """Return the bytes that `save` writes. The parameters and errors are those of `save`."""
        strip = not debug if strip is None else strip
        if not debug:
            return self.release(profile=profile, strip=strip, progress=progress).wasm
        from .source_filter import SourceFilter

        backend = self.compiled._backend
        return backend.portable(strip=strip).with_runtime()[1] if isinstance(backend, SourceFilter) else self.wasm

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

        The file doesn't contain names of folders or numbers of cells. The same source and packages, built with the same versions
        of wasmnb and its tools, give the same bytes in any folder.

        Parameters
        ----------
        path
            Path of the file. Missing folders are created.
        debug
            Write the full module instead of the release module (default False).
        strip
            Leave out comments and docstrings, as for `release`. By default, True for release modules and False for full ones.
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
            raise BuildError(f"Can't write {target}: {disk_fault(error)}.") from error
        return target

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type[Any], ...]:
        """Make `class Child(Decorated)` derive from the decorated class."""
        if self.context_class is None:
            raise TypeError(f"{self!r} can't be a base class, because it wasn't made from a class")
        return (self.context_class,)

    def __repr__(self) -> str:
        return f"<Filter {self.name!r} from {self.filename}{', native' if self.is_native else ''}>"
