"""`Filter`: what the user holds of a compiled module, made from Python source or loaded from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .._display import Shown
from ..engine import Engine, Runnable
from ..errors import BuildError, ModuleError, UsageError
from ..formats.leb128 import CORE_MAGIC
from .info import FilterInfo
from .module_filter import load_module
from .release.profile.block_profile import BlockProfile
from .runtime.atomic_file import disk_fault, write_whole
from .runtime.runtime import Progress
from .source.filter_source import Part, Source, file_part, read_file
from .source_filter import compile_source

if TYPE_CHECKING:
    from .release.profile.recorded_filter import RecordedFilter

__all__ = ["Filter", "FilterInfo"]


class Filter(Shown):
    """A compiled filter. Made by `from_source` and `from_file`, not directly.

    Attributes
    ----------
    name
        What the proxy calls it.
    source
        Its Python source; None for a module built elsewhere.
    filename
        What tracebacks call the source; for a module, the file's name.
    context_class
        The class that it was made from, by `@wasmnb.filter` or `from_class`; else None. Tests may call its methods.
    """

    context_class: type[Any] | None = None

    def __init__(self, name: str, filename: str, made: _Made) -> None:
        self.name = name
        self.filename = filename
        self._made = made
        self._release: Filter | None = None

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

        The first filter with a new set of imports takes about ten seconds, any other some tens of milliseconds.

        Parameters
        ----------
        text
            The source: at least one class that derives from `HttpContext` or `TcpContext`.
        name
            What the proxy calls it; `filter` if not given.
        filename, first_line
            What errors and tracebacks call the source, and the number of its first line there.
        path
            Folders in which the filter's own modules lie. What it imports from there becomes a part of it; any other
            package is taken from this environment.
        progress
            Called with a step and a fraction from 0 to 1 while a runtime is built.

        Raises
        ------
        SourceError
            The source is at fault: syntax, an import, no filter class. Says where and what to do.
        BuildError
            The tool chain, the cache or the disk failed.
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
        """Compile source that comes in several parts, such as cells.

        Parameters
        ----------
        parts
            `Part(text, filename, first_line)`: run in this order in one namespace.
        name, path, progress
            As `from_source`.
        package
            Dotted name of the package, found on `path`, that relative imports in the parts start from.

        Raises
        ------
        SourceError, BuildError
            As `from_source`; the place is the part's, or that of a module of the filter's own.
        """
        given = Source(tuple(parts), package=package)
        return cls(name or "filter", given.filename, compile_source(given, [Path(p) for p in path], progress))

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], name: str | None = None, *, progress: Progress | None = None
    ) -> Filter:
        """Compile a `.py` file, or load a `.wasm` module, from whatever language.

        A `.py` file may import modules and packages that lie beside it.

        Raises
        ------
        SourceError, BuildError
            As `from_source`.
        ModuleError
            Envoy would refuse the module, too.
        UsageError
            The file cannot be read, or is neither.
        """
        path = Path(path)
        data = read_file(path)
        name = name or path.stem
        if path.suffix == ".wasm" or data[:4] == CORE_MAGIC[:4]:
            try:
                return cls(name, path.name, load_module(data))
            except ModuleError as error:
                raise ModuleError(f"Envoy would refuse {path}, too.\n{error}") from None
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
        """Have Python source run by this very interpreter, so that debuggers, coverage and profilers see it.

        Host, traffic and trace are the same as in Wasm, and so is each VM's state: every VM has its own copy of the
        source's modules. What works here but not in Wasm is said once, as a `NativeWarning` at its line.

        Parameters
        ----------
        source
            Source text, a `.py` file as a `Path`, a class, or another filter that was made from Python.
        name, filename, first_line, path
            As `from_source`. Whatever is not text knows its own file name and lines.

        Raises
        ------
        SourceError
            As `from_source`; what the source raised is the cause.
        UsageError
            The file cannot be read, or there is no Python source.
        """
        from .native import Given, NativeMade

        given = Given.of(source, filename, first_line, [Path(p) for p in path])
        compiled = partial(compile_source, given.source, given.path, None)
        return cls(name or given.name, given.source.filename, NativeMade(given.source, given.path, compiled))

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
            It derives from `HttpContext`, `TcpContext` or `PluginContext`.
        name
            What the proxy calls it; the class's name if not given.
        path
            More folders in which modules lie that it imports.
        progress
            As `from_source`.
        running
            The frame that the class statement is running in just now: what stands below it counts, too.

        Raises
        ------
        SourceError, BuildError
            As `from_source`; also for a class without a source, and for what it refers to but cannot take along.
        """
        from .collect.class_collector import collect

        found = collect(context_class, running)
        made = cls.from_parts(
            found.source.parts,
            name or context_class.__name__,
            path=[*found.path, *path],
            package=found.source.package,
            progress=progress,
        )
        made.context_class = context_class
        return made

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "filter") -> Filter:
        """Load a module that is in memory; raises `ModuleError` if Envoy would refuse it."""
        return cls(name, f"<{name}>", load_module(data))

    @property
    def source(self) -> str | None:
        """The Python source, if it was made from one; parts one after the other."""
        return self.bundle.text if self.bundle else None

    @property
    def bundle(self) -> Source | None:
        """The Python source with all its parts and modules, if it was made from one."""
        return self._made.source

    @property
    def is_native(self) -> bool:
        """Whether a host runs it with this Python rather than as Wasm."""
        return self._made.native

    @property
    def compiled(self) -> Filter:
        """The filter as Wasm: itself, unless it is native."""
        made: _Made | None = getattr(self._made, "compiled", None)
        return self if made is None else Filter(self.name, self.filename, made)

    @property
    def wasm(self) -> bytes:
        """The module, complete: of a filter made from source the full one. A native filter is compiled for it."""
        return self._made.wasm()

    @cached_property
    def info(self) -> FilterInfo:
        """What the module is and what it was made from."""
        return self._made.info(self.name)

    def image(self, engine: Engine) -> Runnable:
        """What a host instantiates, compiled for `engine` unless it is native."""
        return self._made.image(engine)

    def release(self, *, profile: BlockProfile | None = None, progress: Progress | None = None) -> Filter:
        """Make the module that is deployed: it does the same, starts ten times faster and takes a third of the memory.

        Code that filters rarely execute is interpreted instead of compiled, and the filter's top level runs now rather than
        in every VM, unless it depends on time, environment or random numbers: `info.release` says which. A module that was
        built elsewhere stays as it is.

        Parameters
        ----------
        profile
            Which code the filter's own traffic executes (`wasmnb.traffic.record_code_profile`): that is compiled, too.
        progress
            Called with a step and a fraction from 0 to 1. The first filter on a runtime takes about 15 seconds, others 2 to 3.

        Raises
        ------
        SourceError, BuildError
            As `from_source`.
        """
        from .release.release_filter import make_release
        from .source_filter import FromSource

        made = self.compiled._made
        if not isinstance(made, FromSource):
            return self
        if profile is not None:
            return Filter(self.name, self.filename, make_release(made, profile, progress))
        if self._release is None:
            self._release = Filter(self.name, self.filename, make_release(made, None, progress))
        return self._release

    def recorded(self) -> RecordedFilter | None:
        """A backend of the same filter that notes which code it executes; None for a module that was built elsewhere."""
        from .release.profile.recorded_filter import RecordedFilter
        from .source_filter import FromSource

        made = self.compiled._made
        return RecordedFilter(made) if isinstance(made, FromSource) else None

    def save(self, path: str | os.PathLike[str], *, debug: bool = False, progress: Progress | None = None) -> Path:
        """Write the module to a file, complete or not at all; gives the path.

        Parameters
        ----------
        path
            Where to write it.
        debug
            Write the full module, all of which is compiled, rather than the release module.
        progress
            As for `release`.

        Raises
        ------
        BuildError
            The file cannot be written.
        """
        target = Path(path)
        data = (self if debug else self.release(progress=progress)).wasm
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, data)
        except OSError as error:
            raise BuildError(f"{target} cannot be written: {disk_fault(error)}.") from error
        return target

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type[Any], ...]:
        """Who derives from a decorated class derives from the class."""
        if self.context_class is None:
            raise TypeError(f"{self!r} was not made from a class")
        return (self.context_class,)

    def __repr__(self) -> str:
        return f"<Filter {self.name!r} from {self.filename}{', native' if self.is_native else ''}>"


class _Made(Protocol):
    """What a filter is made of: source on a runtime, a foreign module, source that runs natively."""

    native: ClassVar[bool]

    @property
    def source(self) -> Source | None: ...
    def wasm(self) -> bytes: ...
    def image(self, engine: Engine, /) -> Runnable: ...
    def info(self, name: str) -> FilterInfo: ...
