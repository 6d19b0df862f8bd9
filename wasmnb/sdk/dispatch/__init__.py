"""The dispatcher: from the proxy's callbacks, which are numbers, to the methods of the filter's objects.

The proxy's side (the app inside the Wasm module, or native mode) makes a `Dispatcher` from a binding, loads the source,
asks for the exports, and then calls one method a callback, named as in the ABI.

Facts that shape it: a trip into Python costs 2-3 us in Envoy, so streams are not announced one by one. Creates and
deletes are noted in a journal outside Python, which the dispatcher fetches when it meets a context that it does not
know. An exception is logged once, as the filter's own traceback, and then goes on up, so that the module traps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ..contexts import VMContext
from ..errors import FilterSourceError
from ..loading.exports import needed_exports
from ..loading.local_modules import LocalModules
from ..loading.parts import LocalModule, Part
from ..loading.source import Loaded, load_source
from ..vm import set_current_vm
from .events import Events
from .http import Http
from .introspection import Control
from .lifecycle import Lifecycle
from .tcp import Tcp

__all__ = ["Dispatcher", "FilterSourceError"]


class _AtLoad:
    """The hostcalls while the module loads: the proxy allows only `log` then, and stops the module for any other."""

    def __init__(self, abi: Any) -> None:
        self.log = abi.log

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(
            f"{hostcall} cannot be called while the module loads: the proxy allows only logging then. "
            "Do it in on_plugin_start of a PluginContext, or in a stream's callback."
        )


class Dispatcher(Http, Tcp, Events, Lifecycle, Control):
    """One VM's filter.

    Parameters
    ----------
    binding
        One callable a hostcall, named without prefix. It takes the inputs (ints and bytes) and returns the status if
        the hostcall has no outputs, else a tuple of the status and the outputs. An optional `journal()` returns
        (context, parent) pairs of u32 noted since the last call; a parent of 0xFFFFFFFF is a delete. An optional
        `watch_deletes(on)` has `on_delete` called for real while it is on; without it, a filter that waits exports it.
    namespace
        What every namespace of the filter starts with, beside what Python puts there: `__builtins__`, where VMs share an
        interpreter. Whoever runs them then has to keep what they put into `sys.modules` apart.
    """

    def __init__(self, binding: Any, namespace: Mapping[str, Any] | None = None) -> None:
        super().__init__(binding)
        self._binding = binding
        self._namespace = namespace
        self._source: Loaded | None = None
        self._exports: list[str] = []

    def load(self, source: str, filename: str = "<filter>", first_line: int = 1) -> None:
        """Run a source that is one piece of text; see `load_parts`."""
        self.load_parts((Part(source, filename, first_line),))

    def load_parts(self, parts: Sequence[Part], modules: Sequence[LocalModule] = (), package: str = "") -> None:
        """Run a source and find its classes.

        Parameters
        ----------
        parts
            Run in this order in one namespace.
        modules
            Modules of the source's own, which it imports by name.
        package
            Dotted name of the package that the parts belong to; relative imports in them start from it.

        Raises whatever the source raises (logged as a traceback first), or `FilterSourceError` if it is no filter.
        """
        from .. import names

        self.activate()
        self.vm.abi = _AtLoad(self._binding)
        try:
            own = LocalModules(modules, self._namespace)
            self._source = load_source(parts, own, package, names())
            self.vm.classes = self._source.classes
            self._exports = needed_exports(self._source, watched=self.vm.watch_deletes is not None)
            self.vm.exports = frozenset(self._exports)
            self.vm.context = self._make_vm(self._source.classes["vm"])
        except BaseException as error:
            self.vm.report(error)
            raise
        finally:
            self.vm.abi = self._binding

    def _make_vm(self, cls: type[VMContext]) -> VMContext:
        context = cls.__new__(cls)
        context._vm = self.vm
        cls.__init__(context)
        return context

    def exports(self) -> list[str]:
        """Export names of the callbacks that the filter needs; any other need not be called."""
        if self._source is None:
            raise RuntimeError("no source has been loaded")
        return list(self._exports)

    def activate(self) -> None:
        """Make this the VM that `print`, logging and module-level objects mean; needed where VMs share an interpreter."""
        set_current_vm(self.vm)
