"""The dispatcher, which converts the proxy's callbacks to calls of methods of the filter's contexts.

The embedder (code inside the Wasm module, or native mode) creates a `Dispatcher` with a binding, loads the filter's source, and
asks for the names of the callbacks to export. Then it calls the dispatcher's method of the same name for each callback of the
ABI.

A call into Python takes 2-3 us in Envoy, so the start and end of streams are not reported one by one. The embedder records them
in a journal outside of Python, which the dispatcher fetches when a callback is for an unknown context. Exceptions raised by the
filter are logged once, and then raised again, so that the module traps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ..contexts import VMContext
from ..loading.exports import needed_exports
from ..loading.local_modules import LocalModules
from ..loading.parts import LocalModule, Part
from ..loading.source import LoadedSource, load_source
from ..vm import set_current_vm
from .events import Events
from .http import Http
from .introspection import Introspection
from .lifecycle import Lifecycle
from .tcp import Tcp

__all__ = ["Dispatcher"]


class _LoadingBinding:
    """The binding used while the module loads, when the proxy allows only `log`. Other hostcalls raise RuntimeError."""

    def __init__(self, abi: Any) -> None:
        self.log = abi.log

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(
            f"{hostcall} was called while the module loads, when the proxy allows only logging. "
            "Call it in on_plugin_start of a PluginContext, or in a stream's callback."
        )


class Dispatcher(Http, Tcp, Events, Lifecycle, Introspection):
    """The dispatcher of one VM, which passes the proxy's callbacks to the filter.

    Parameters
    ----------
    binding
        Object with one method for each hostcall, named without `proxy_`. A method accepts the inputs (ints and bytes), and
        returns the status, or a tuple of the status and the outputs. The optional method `journal()` returns the contexts
        created or deleted since the last call, as (context, parent) pairs of u32, in which the parent of a deleted context is
        0xFFFFFFFF. The optional method `watch_deletes(on)` enables or disables calls of `on_delete`. If it is missing, filters
        that contain an `async def` always export `on_delete`.
    namespace
        Names that every namespace of the filter contains from the start (default none). If several VMs share an interpreter,
        the embedder passes `__builtins__` here, and must keep the VMs' entries in `sys.modules` separate.
    """

    def __init__(self, binding: Any, namespace: Mapping[str, Any] | None = None) -> None:
        super().__init__(binding)
        self._binding = binding
        self._namespace = namespace
        self._source: LoadedSource | None = None
        self._exports: list[str] = []

    def load(self, source: str, filename: str = "<filter>", first_line: int = 1) -> None:
        """Run a source that consists of a single text. Raises the same exceptions as `load_parts`.

        Parameters
        ----------
        source
            The filter's source code.
        filename, first_line
            File name for tracebacks, and line number of the first line in this file (default 1).
        """
        self.load_parts((Part(source, filename, first_line),))

    def load_parts(self, parts: Sequence[Part], modules: Sequence[LocalModule] = (), package: str = "") -> None:
        """Run a source that consists of several parts, and find its context classes.

        Parameters
        ----------
        parts
            Parts of the source. They run in this order in one namespace.
        modules
            Local modules that the parts can import by name (default none).
        package
            Dotted name of the package of the parts, for relative imports (default '': no package).

        Raises
        ------
        FilterSourceError
            The source doesn't define a valid filter.
        Exception
            Any exception raised by the source, after it has been logged.
        """
        from .. import names

        self.activate()
        self.vm.abi = _LoadingBinding(self._binding)
        try:
            own = LocalModules(modules, self._namespace)
            self._source = load_source(parts, own, package, names())
            self.vm.filter.classes = self._source.classes
            self._exports = needed_exports(self._source, watches_deletes=self.vm.deletes.is_supported)
            self.vm.filter.exports = frozenset(self._exports)
            self.vm.filter.context = self._make_vm_context(self._source.classes["vm"])
        except BaseException as error:
            self.vm.report(error)
            raise
        finally:
            self.vm.abi = self._binding

    def _make_vm_context(self, cls: type[VMContext]) -> VMContext:
        context = cls.__new__(cls)
        context._vm = self.vm
        cls.__init__(context)
        return context

    def exports(self) -> list[str]:
        """Return the export names of the callbacks that the filter needs."""
        if self._source is None:
            raise RuntimeError("no source has been loaded. Call load() or load_parts() first.")
        return list(self._exports)

    def callbacks(self) -> dict[str, list[str]]:
        """Return the ABI names of all callbacks that the filter's classes override, by kind of class."""
        if self._source is None:
            raise RuntimeError("no source has been loaded. Call load() or load_parts() first.")
        return self._source.callbacks()

    def class_names(self) -> dict[str, str]:
        """Return the names of the filter's context classes by kind. Kinds without a class are omitted."""
        if self._source is None:
            raise RuntimeError("no source has been loaded. Call load() or load_parts() first.")
        return self._source.class_names()

    def activate(self) -> None:
        """Select this VM for `print`, logging and module-level objects. Necessary if several VMs share an interpreter."""
        set_current_vm(self.vm)
