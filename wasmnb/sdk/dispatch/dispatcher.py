"""The dispatcher: from the proxy's callbacks, which pass numbers, to the methods of the filter's objects.

The embedder (the app inside the Wasm module, or native mode) creates a `Dispatcher` with a binding, loads the source, gets the
names of the exports, and then calls a method for each callback, named as in the ABI.

A call into Python costs 2-3 us in Envoy, so the start and end of streams are not reported one by one. They are recorded in
a journal outside of Python, which the dispatcher fetches when an unknown context appears. An exception is logged once, with
the filter's own traceback, and then raised again, so that the module traps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ..contexts import VMContext
from ..loading.exports import needed_exports
from ..loading.local_modules import LocalModules
from ..loading.parts import LocalModule, Part
from ..loading.source import Loaded, load_source
from ..vm import set_current_vm
from .events import Events
from .http import Http
from .introspection import Introspection
from .lifecycle import Lifecycle
from .tcp import Tcp

__all__ = ["Dispatcher"]


class _LoadingBinding:
    """The binding while the module loads. The proxy allows only `log` then; any other hostcall would trap."""

    def __init__(self, abi: Any) -> None:
        self.log = abi.log

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(
            f"{hostcall} can't be called while the module loads: the proxy allows only logging until it has loaded. "
            "Do it in on_plugin_start of a PluginContext, or in a stream's callback."
        )


class Dispatcher(Http, Tcp, Events, Lifecycle, Introspection):
    """Passes the callbacks of one VM to its filter.

    Parameters
    ----------
    binding
        One callable for each hostcall, named without prefix. It takes the inputs (ints and bytes) and returns the
        status, or a tuple of the status and the outputs. An optional `journal()` returns the (context, parent) pairs of
        u32 that were recorded since the last call; a parent of 0xFFFFFFFF marks a deleted context. An optional
        `watch_deletes(on)` turns calls of `on_delete` on or off; without it, a filter with an `async def` exports `on_delete`.
    namespace
        Names that every namespace of the filter starts with (default none). If VMs share an interpreter, the embedder passes
        `__builtins__` here, and must keep the VMs' entries in `sys.modules` apart.
    """

    def __init__(self, binding: Any, namespace: Mapping[str, Any] | None = None) -> None:
        super().__init__(binding)
        self._binding = binding
        self._namespace = namespace
        self._source: Loaded | None = None
        self._exports: list[str] = []

    def load(self, source: str, filename: str = "<filter>", first_line: int = 1) -> None:
        """Run a source that is a single text; see `load_parts`."""
        self.load_parts((Part(source, filename, first_line),))

    def load_parts(self, parts: Sequence[Part], modules: Sequence[LocalModule] = (), package: str = "") -> None:
        """Run a source and find its context classes.

        Parameters
        ----------
        parts
            The parts, which run in this order in one namespace.
        modules
            The source's own modules, which it imports by name (default none).
        package
            Dotted name of the package that the parts belong to, for relative imports (default empty: none).

        Raises
        ------
        FilterSourceError
            The source doesn't define a filter.
        Exception
            Any exception that the source raised. It has been logged.
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
            raise RuntimeError("no source has been loaded")
        return list(self._exports)

    def callbacks(self) -> dict[str, list[str]]:
        """Return the ABI's names of the callbacks that the filter's classes override, by kind of class."""
        if self._source is None:
            raise RuntimeError("no source has been loaded")
        return self._source.callbacks()

    def class_names(self) -> dict[str, str]:
        """Return the name of the filter's own class of each kind, without kinds for which it has none."""
        if self._source is None:
            raise RuntimeError("no source has been loaded")
        return self._source.class_names()

    def activate(self) -> None:
        """Make this the VM that `print`, logging and module-level objects use. Needed where VMs share an interpreter."""
        set_current_vm(self.vm)
