"""`Filter`: a compiled module, made from Python source or loaded from a file."""

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
from ..formats.leb128 import CORE_MAGIC
from .cache.atomic_file import disk_fault, write_whole
from .filter_backend import FilterBackend
from .info import FilterInfo
from .module_filter import load_module
from .release.profile.block_profile import BlockProfile
from .runtime.runtime import Progress
from .source.filter_source import Part, Source, file_part, read_file
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
        File name of the source in tracebacks; for a module, the name of its file.
    context_class
        Class that the filter was made from by `@wasmnb.filter` or `from_class`, else None. Unit tests can call its
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

        The first filter with a new set of imports takes about ten seconds, later ones tens of milliseconds.

        Parameters
        ----------
        text
            Source with at least one class that derives from `HttpContext` or `TcpContext`.
        name
            Name of the filter in the proxy. Default: `filter`.
        filename
            File name of the source in errors and tracebacks. Default: `<filter>`.
        first_line
            Line number of the first line of `text` in that file. Default: 1.
        path
            Folders with the filter's own modules, which become part of the filter. Default: none. Other packages are
            taken from this environment.
        progress
            Function called with a step's name and a fraction from 0 to 1 while a runtime is built. Default: None.

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
            `Part(text, filename, first_line)` objects, run in this order in one namespace.
        name, path, progress
            As for `from_source`.
        package
            Dotted name of a package on `path` for relative imports in the parts. Default: none.

        Returns
        -------
        Filter
            The compiled filter.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`. The error names the part, or the filter's own module, that failed.
        """
        source = Source(tuple(parts), package=package)
        name = name or "filter"
        return cls(name, source.filename, compile_source(source, [Path(p) for p in path], progress, name))

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], name: str | None = None, *, progress: Progress | None = None
    ) -> Filter:
        """Compile a `.py` file, or load a `.wasm` module written in any language.

        A `.py` file can import modules and packages from its own folder.

        Parameters
        ----------
        path
            Path of the file.
        name
            Name of the filter in the proxy. Default: the file's name without its suffix.
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
            raise UsageError(f"{path} is neither a .py nor a .wasm file.")
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

        Host, traffic and trace are the same as in Wasm, and every VM has its own copy of the source's modules. Code that
        works here but not in Wasm causes a `NativeWarning` at its line, once.

        Parameters
        ----------
        source
            Source text, the `Path` of a `.py` file, a class, or another filter that was made from Python.
        name, filename, first_line, path
            As for `from_source`. File name and first line apply to text only.

        Returns
        -------
        Filter
            A filter whose `is_native` is True.

        Raises
        ------
        SourceError
            As for `from_source`, with the exception of the source as its cause.
        UsageError
            The file can't be read, or there's no Python source.
        """
        from .native import SourceInput
        from .native_filter import NativeFilter

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
        """Compile a class with everything that it refers to; see `wasmnb.filter`.

        Parameters
        ----------
        context_class
            Class that derives from `HttpContext`, `TcpContext` or `PluginContext`.
        name
            Name of the filter in the proxy. Default: the name of the class.
        path
            More folders with modules that the class imports. Default: none.
        progress
            As for `from_source`.
        running
            Frame in which the class statement is running, so that statements below it are collected as well. Default:
            None.

        Returns
        -------
        Filter
            The compiled filter, with `context_class` set.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`. Also raised for a class without source, and for values that can't go into a module.
        """
        from .collect.class_collector import collect

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
            Name of the filter in the proxy. Default: `filter`.

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
        """Python source with its parts joined, or None for a module from another toolchain."""
        return self.bundle.text if self.bundle else None

    @property
    def bundle(self) -> Source | None:
        """Python source with all parts and modules, or None for a module from another toolchain."""
        return self._backend.source

    @property
    def file_names(self) -> Mapping[str, str]:
        """Names of files and cells by their names in a release module. Other modules have the names that you know."""
        return getattr(self._backend, "file_names", {})

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks of its classes, or those that a module from another toolchain exports. They decide the plugin's kind."""
        return self._backend.callbacks

    @property
    def classes(self) -> Mapping[str, str]:
        """Names of the source's classes by kind: `vm`, `plugin`, `http`, `tcp`. Other kinds, and modules, have none."""
        return self._backend.classes

    @property
    def is_native(self) -> bool:
        """Whether this Python runs the filter, instead of Wasm."""
        return self._backend.native

    @property
    def compiled(self) -> Filter:
        """The filter as Wasm: the filter itself, unless it's native."""
        backend: FilterBackend | None = getattr(self._backend, "compiled", None)
        return self if backend is None else Filter(self.name, self.filename, backend)

    @property
    def wasm(self) -> bytes:
        """The complete module; for a filter from source, the full one. A native filter is compiled first."""
        return self._backend.wasm()

    @cached_property
    def info(self) -> FilterInfo:
        """Facts about the module and the runtime in it."""
        return self._backend.info(self.name)

    def image(self, engine: Engine) -> Runnable:
        """Return the image that a host instantiates.

        Parameters
        ----------
        engine
            Engine that compiles the module. Native filters ignore it.
        """
        return self._backend.image(engine)

    def release(
        self, *, profile: BlockProfile | Any = None, strip: bool = True, progress: Progress | None = None
    ) -> Filter:
        """Return the filter as a release module, which starts faster and needs less memory than the full one.

        Code that filters rarely execute is interpreted instead of compiled. The filter's top level runs now instead of in
        every VM, unless it depends on time, environment or random numbers; see `info.release`. Modules from another
        toolchain are returned unchanged.

        Parameters
        ----------
        profile
            Proxy with the filter's own traffic, whose code is compiled as well. Or a profile from
            `wasmnb.traffic.record_code_profile`. Default: only the code that filters in general execute.
        strip
            Leave out comments and docstrings. Lines keep their numbers. A source that reads docstrings (`__doc__`) keeps
            them. Default: True.
        progress
            Function called with a step's name and a fraction from 0 to 1. The first filter on a runtime takes about
            15 seconds, others 2 to 3. Default: None.

        Raises
        ------
        SourceError, BuildError
            As for `from_source`.
        UsageError
            The proxy has had no requests.
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
        """Return a backend that records which code the filter executes, or None for a module from another toolchain."""
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
        """Return the bytes that `save` writes; parameters and errors are the same."""
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
        """Write the module to a file. An interrupted or failed write leaves the old file as it was.

        The file doesn't contain names of folders, or numbers of cells: the same source, SDK and packages give the same
        bytes in any folder, unless another version of wasmnb or of its tools builds them.

        Parameters
        ----------
        path
            Path of the file. Missing folders are created.
        debug
            Write the full module instead of the release module. Default: False.
        strip
            Leave out comments and docstrings, as for `release`. Default: only for release modules.
        profile, progress
            As for `release`. Default: None.

        Returns
        -------
        Path
            The path.

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
            raise TypeError(f"{self!r} was not made from a class")
        return (self.context_class,)

    def __repr__(self) -> str:
        return f"<Filter {self.name!r} from {self.filename}{', native' if self.is_native else ''}>"
