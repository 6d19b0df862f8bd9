"""Introspection: requests from the simulated proxy to the Python inside a VM, outside of callbacks.

It isn't part of the ABI, and real proxies never call it. A request is JSON, `{"do": name, ...arguments}`, and so is
the response: `{"done": result}`, or `{"error": message}`.
"""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from ..diagnostics.profiling import Profiler
from ..diagnostics.state_reader import read_attributes
from ..diagnostics.tracebacks import format_running, running_frames
from ..loading.source import Loaded
from .core import Core

__all__ = ["ACTIONS", "Introspection"]


class _NoHostcalls:
    """The binding during introspection, which must not act on the proxy."""

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(f"{hostcall} can't be called during introspection of the filter")


class Introspection(Core):
    """Handles requests of the simulated proxy."""

    _binding: Any
    _source: Loaded | None

    #: Function that renews the state that differs between VMs: random numbers and environment. The embedder sets it.
    resume: Callable[[], None] | None = None

    #: The running profile.
    profiler: Profiler | None = None

    def control(self, request: bytes) -> bytes:
        """Handle a request; errors become part of the response."""
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

    def loaded(self) -> Loaded:
        """Return the loaded source. Raises RuntimeError if there is none."""
        if self._source is None:
            raise RuntimeError("no source has been loaded")
        return self._source


def _attributes(dispatcher: Introspection, length: int) -> dict[str, Any]:
    """Return the attributes of contexts, classes and modules; values have at most `length` characters."""
    from .. import names

    contexts = dispatcher.contexts
    contexts.fetch()
    vm_contexts = {} if dispatcher.vm.filter.context is None else {0: dispatcher.vm.filter.context}
    tables = {"vm": vm_contexts, "plugin": contexts.plugins, "http": contexts.http, "tcp": contexts.tcp}
    return read_attributes(tables, dispatcher.loaded(), names(), length)


def _locals(dispatcher: Introspection, on: bool) -> None:
    """Set whether tracebacks show local variables from now on."""
    dispatcher.vm.errors.show_locals = on


def _profile(dispatcher: Introspection, on: bool) -> dict[str, Any] | None:
    """Begin a profile, or end it and return it. The proxy must support `profiling.PROBE`."""
    if not on:
        profiler, dispatcher.profiler = dispatcher.profiler, None
        if profiler is None:
            raise RuntimeError("no profile is running")
        return profiler.stop()
    if dispatcher.profiler is not None:
        raise RuntimeError("a profile is already running")
    dispatcher.profiler = Profiler(dispatcher._binding.get_metric, dispatcher.loaded().codes)
    dispatcher.profiler.start()
    return None


def _running(_dispatcher: Introspection, reason: str) -> dict[str, Any]:
    """Return the traceback of the running callback, which the proxy has stopped, and file and line of each frame."""
    frames = running_frames()
    return {"traceback": format_running(frames, reason), "frames": [(f.filename, f.lineno) for f in frames]}


def _resume(dispatcher: Introspection) -> None:
    """Continue in a VM whose memory was copied from another one."""
    if dispatcher.resume is not None:
        dispatcher.resume()


#: Request -> function that handles it; it gets the dispatcher and the request's arguments.
ACTIONS: dict[str, Callable[..., Any]] = {
    "attributes": _attributes,
    "locals": _locals,
    "profile": _profile,
    "running": _running,
    "resume": _resume,
}
