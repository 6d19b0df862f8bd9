"""`Filter`: what the user holds of a compiled module, made from Python source or loaded from a file."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .._display import Shown
from .._version import __version__
from ..abi import AbiVersion
from ..engine import Code, Engine, Image, default_engine
from ..errors import BuildError, ModuleError, SourceError, UsageError
from .cache import cache_folder
from .glue import ON_DELETE_IN_PYTHON, VERSION
from .imports import imported_modules, parse
from .inspection import ModuleFacts, inspect_module
from .leb import CORE_MAGIC
from .probe import probe
from .resolve import resolve
from .rewrite import Placement, with_source
from .runtime import FailedImport, Progress, Runtime, Runtimes, runtimes_in
from .source import Part, Source

__all__ = ["Filter", "FilterInfo"]

#: Exports that every filter of ours has, beside the callbacks that it needs.
_ALWAYS = frozenset(
    {"_initialize", VERSION.marker, "proxy_on_memory_allocate", "proxy_on_context_create", "proxy_on_delete"}
)

#: What the Python inside a runtime is.
GUEST_PYTHON = "3.14"


@dataclass(frozen=True)
class FilterInfo(Shown):
    """Facts of a filter.

    Attributes
    ----------
    abi_version
        As its marker says: `0.2.1`.
    imports, exports
        Names of functions: hostcalls and WASI; callbacks and entry points.
    size
        Bytes of the file.
    sections
        Bytes of every section.
    memory
        Bytes of linear memory that a VM starts with.
    runtime
        Key of the runtime in the cache; empty for modules built elsewhere, as are the fields below.
    python, sdk
        Versions inside the module.
    modules, packages
        What the runtime holds beyond the standard set.
    build_times
        Seconds: `componentize`, `link`, `compile` when the runtime was built; `filter` for this filter on it.
    """

    name: str
    abi_version: str
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    size: int
    sections: Mapping[str, int]
    memory: int
    runtime: str = ""
    python: str = ""
    sdk: str = ""
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    build_times: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same in plain types, for JSON."""
        return asdict(self)


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
    """

    def __init__(self, name: str, filename: str, made: _FromSource | _FromModule) -> None:
        self.name = name
        self.filename = filename
        self._made = made

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
        return cls(name or "filter", given.filename, _compile(given, [Path(p) for p in path], progress))

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
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
        name = name or path.stem
        if path.suffix == ".wasm" or data[:4] == CORE_MAGIC[:4]:
            return cls(name, path.name, _load(data))
        if path.suffix not in {".py", ""}:
            raise UsageError(f"{path} is neither a .py nor a .wasm file.")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SourceError("the file is not UTF-8 text", filename=str(path)) from None
        return cls.from_source(text, name, filename=str(path), path=[path.parent], progress=progress)

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "filter") -> Filter:
        """Load a module that is in memory; raises `ModuleError` if Envoy would refuse it."""
        return cls(name, f"<{name}>", _load(data))

    @property
    def source(self) -> str | None:
        """The Python source, if it was made from one; parts one after the other."""
        return self.bundle.text if self.bundle else None

    @property
    def bundle(self) -> Source | None:
        """The Python source with all its parts and modules, if it was made from one."""
        return self._made.source

    @property
    def wasm(self) -> bytes:
        """The module, complete: what `save` writes and Envoy loads."""
        return self._made.wasm()

    @cached_property
    def info(self) -> FilterInfo:
        """What the module is and what it was made from."""
        return self._made.info(self.name)

    def image(self, engine: Engine) -> Image:
        """What a host instantiates, compiled for `engine`."""
        return self._made.image(engine)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the module to a file, complete or not at all; gives the path.

        Raises
        ------
        BuildError
            The file cannot be written.
        """
        target = Path(path)
        data = self.wasm
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, data)
        except OSError as error:
            why = "there is no space left on the disk" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise BuildError(f"{target} cannot be written: {why}.") from error
        return target

    def __repr__(self) -> str:
        return f"<Filter {self.name!r} from {self.filename}>"


def _write(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


# -- made from source -------------------------------------------------------------------------------------------------


class _FromSource:
    """A filter that is a runtime with a source behind it."""

    def __init__(self, source: Source, path: Sequence[Path] = ()) -> None:
        self.source: Source
        self.source, self.requirements = resolve(source, path)
        self.exports: frozenset[str] | None = None  # all, until the probe tells
        self.seconds = 0.0

    @property
    def runtimes(self) -> Runtimes:
        return runtimes_in(cache_folder())

    def placement(self, runtime: Runtime) -> Placement:
        """Where the source lies behind a runtime's memory. A runtime that was built anew may be of another size."""
        flags = ON_DELETE_IN_PYTHON if self.exports and "proxy_on_delete" in self.exports else 0
        return Placement(runtime.pages, self.source.payload, flags)

    def image(self, engine: Engine, progress: Progress | None = None) -> Image:
        return self._image(*self.runtimes.get(self.requirements, engine, progress))

    def _image(self, runtime: Runtime, code: Code) -> Image:
        return Image(code, self.exports and self.exports | _ALWAYS, self.placement(runtime).write)

    def probe(self, engine: Engine, progress: Progress | None) -> None:
        """Load the source once, to learn what it needs; raises `SourceError` if it does not load."""
        runtime, code = self.runtimes.get(self.requirements, engine, progress)
        self.exports = frozenset(probe(self._image(runtime, code), runtime.pages, self.source.filename).exports)

    def wasm(self) -> bytes:
        return self._with_runtime()[1]

    def _with_runtime(self) -> tuple[Runtime, bytes]:
        runtime, data = self.runtimes.module(self.requirements, default_engine())
        assert self.exports is not None
        return runtime, with_source(data, self.placement(runtime), self.exports | _ALWAYS)

    def info(self, name: str) -> FilterInfo:
        runtime, data = self._with_runtime()
        return _info(
            name,
            inspect_module(data),
            runtime=runtime.key,
            python=GUEST_PYTHON,
            sdk=__version__,
            modules=tuple(runtime.facts["modules"]),
            packages=tuple(runtime.facts["packages"]),
            build_times={**runtime.facts["times"], "filter": round(self.seconds, 4)},
        )


def _compile(source: Source, path: Sequence[Path], progress: Progress | None) -> _FromSource:
    started = time.perf_counter()
    made = _FromSource(source, path)
    try:
        made.probe(default_engine(), progress)
    except FailedImport as error:
        raise _at_import(error, made.source) from None
    made.seconds = time.perf_counter() - started
    return made


def _at_import(error: FailedImport, source: Source) -> SourceError:
    """Put a failed import at the line that asks for it, directly or through a package."""
    top = error.module.partition(".")[0]
    asked = (
        (place, module)
        for place in source.places()
        for module in imported_modules(parse(place.text))
        if module.name.partition(".")[0] == top and not module.level
    )
    place, module = next(asked, (source.parts[-1], None))
    through = f" (it needs {error.missing})" if error.missing and error.missing.partition(".")[0] != top else ""
    return SourceError(
        f"{error.module} cannot be imported inside WebAssembly{through}: {error.reason}",
        filename=place.filename,
        lineno=module.lineno + place.first_line - 1 if module else None,
        offset=module.offset if module else None,
        hint="A filter can use packages that are pure Python and need neither files, sockets, threads nor processes.",
    )


# -- loaded from a file -----------------------------------------------------------------------------------------------


class _FromModule:
    """A module that was built elsewhere, or saved before."""

    def __init__(self, data: bytes, facts: ModuleFacts) -> None:
        self.source: Source | None = None
        self.data = data
        self.facts = facts
        self._images: dict[Engine, Image] = {}

    def image(self, engine: Engine) -> Image:
        if engine not in self._images:
            self._images[engine] = Image(engine.compile(self.data))
        return self._images[engine]

    def wasm(self) -> bytes:
        return self.data

    def info(self, name: str) -> FilterInfo:
        return _info(name, self.facts)


def _load(data: bytes) -> _FromModule:
    facts = inspect_module(data)
    if facts.problems:
        raise ModuleError("\n".join(facts.problems))
    return _FromModule(data, facts)


def _info(name: str, facts: ModuleFacts, **more: Any) -> FilterInfo:
    version = facts.abi_version
    memory = facts.memory
    return FilterInfo(
        name,
        version.text if isinstance(version, AbiVersion) else "",
        tuple(i.name for i in facts.imports),
        tuple(e.name for e in facts.exports if e.kind == "func"),
        facts.size,
        facts.sections,
        memory,
        **more,
    )
