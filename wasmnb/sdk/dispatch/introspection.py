"""Introspection, through which the simulated proxy reads and controls the Python code inside a VM.

Introspection isn't part of the ABI, and real proxies never use it. A request is a JSON object `{"do": name, ...arguments}`. The
response is `{"done": result}` or `{"error": message}`.
"""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from ..diagnostics.profiling import Profiler
from ..diagnostics.state_reader import read_attributes
from ..diagnostics.tracebacks import format_running, running_frames
from ..loading.source import LoadedSource
from .core import Core

__all__ = ["ACTIONS", "Introspection"]


class _NoHostcalls:
    """The binding used during introspection, which must not change the proxy. All hostcalls raise RuntimeError."""

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(f"{hostcall} can't be called during introspection of the filter")


class Introspection(Core):
    """The dispatcher's methods for introspection requests of the simulated proxy."""

    _binding: Any
    _source: LoadedSource | None

    #: Function set by the embedder. It renews all state that must differ between VMs, such as random numbers and environment.
    resume: Callable[[], None] | None = None

    #: The profiler of the running profile, or None.
    profiler: Profiler | None = None

    def introspect(self, request: bytes) -> bytes:
        """Handle a request and return the response, which contains the message of any exception."""
        abi, active = self.vm.abi, self.vm.active
        self.vm.abi = _NoHostcalls()
        try:
            arguments = json.loads(request)
            response = {"done": ACTIONS[arguments.pop("do")](self, **arguments)}
        except Exception as error:  # noqa: BLE001 - reported to the proxy
            response = {"error": f"{type(error).__name__}: {error}"}
        finally:
            self.vm.abi, self.vm.active = abi, active
        return json.dumps(response, ensure_ascii=True).encode()

    def loaded(self) -> LoadedSource:
        """Return the filter's loaded source. Raises RuntimeError if none has been loaded."""
        if self._source is None:
            raise RuntimeError("no source has been loaded. Call load() or load_parts() first.")
        return self._source


def _attributes(dispatcher: Introspection, length: int) -> dict[str, Any]:
    """Return the state of the filter's contexts, classes and modules. Values are cut off after `length` characters."""
    from .. import names

    contexts = dispatcher.contexts
    contexts.fetch()
    vm_contexts = {} if dispatcher.vm.filter.context is None else {0: dispatcher.vm.filter.context}
    tables = {"vm": vm_contexts, "plugin": contexts.plugins, "http": contexts.http, "tcp": contexts.tcp}
    return read_attributes(tables, dispatcher.loaded(), names(), length)


def _locals(dispatcher: Introspection, on: bool) -> None:
    """Set whether later tracebacks show local variables."""
    dispatcher.vm.errors.show_locals = on


def _profile(dispatcher: Introspection, on: bool) -> dict[str, Any] | None:
    """Start a profile if `on` is true. Otherwise, end the running profile and return it.

    The proxy must support the metric `profiling.PROBE`.
    """
    if not on:
        profiler, dispatcher.profiler = dispatcher.profiler, None
        if profiler is None:
            raise RuntimeError("no profile is running, so it can't be ended. Start one first.")
        return profiler.stop()
    if dispatcher.profiler is not None:
        raise RuntimeError("a profile is already running in this VM. End it before you start another one.")
    dispatcher.profiler = Profiler(dispatcher._binding.get_metric, dispatcher.loaded().codes)
    dispatcher.profiler.start()
    return None


def _running(_dispatcher: Introspection, reason: str) -> dict[str, Any]:
    """Return a traceback of the callback that the proxy has stopped, and the file and line of each frame."""
    frames = running_frames()
    return {"traceback": format_running(frames, reason), "frames": [(f.filename, f.lineno) for f in frames]}


def _resume(dispatcher: Introspection) -> None:
    """Renew the state that must differ between VMs, after this VM's memory was copied from another VM."""
    if dispatcher.resume is not None:
        dispatcher.resume()


#: Name of a request -> function that handles it. The function receives the dispatcher and the request's arguments.
ACTIONS: dict[str, Callable[..., Any]] = {
    "attributes": _attributes,
    "locals": _locals,
    "profile": _profile,
    "running": _running,
    "resume": _resume,
}
