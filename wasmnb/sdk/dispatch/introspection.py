"""The control door: what a tool beside the proxy may ask of the Python inside a VM, outside any callback.

It is no part of the ABI: real proxies never call it. A request is JSON, `{"do": name, ...arguments}`, and so is the
answer: `{"done": result}`, or `{"error": sentence}`.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ..diagnostics.profiling import Profiler
from ..diagnostics.state_reader import read_attributes
from .core import Core

if TYPE_CHECKING:
    from ..loading.source import Loaded

__all__ = ["ACTIONS", "Control"]


class _Refused:
    """The hostcalls while the door is open: nothing that is asked for there may be seen by the proxy."""

    def __getattr__(self, hostcall: str) -> NoReturn:
        raise RuntimeError(f"{hostcall} cannot be called here: the filter is only being looked at")


class Control(Core):
    """The door's inside."""

    _binding: Any
    _source: "Loaded | None"

    #: Renews what differs from VM to VM; the program around the dispatcher sets it.
    resume: Callable[[], None] | None = None

    #: The profile that is running.
    profiler: Profiler | None = None

    def control(self, request: bytes) -> bytes:
        """Answer a request; raises nothing but what stops the interpreter itself."""
        abi, active = self.vm.abi, self.vm.active
        self.vm.abi = _Refused()
        try:
            wanted = json.loads(request)
            answer = {"done": ACTIONS[wanted.pop("do")](self, **wanted)}
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            answer = {"error": f"{type(error).__name__}: {error}"}
        finally:
            self.vm.abi, self.vm.active = abi, active
        return json.dumps(answer, ensure_ascii=True).encode()

    def loaded(self) -> "Loaded":
        """What was loaded; raises if nothing was."""
        if self._source is None:
            raise RuntimeError("no source has been loaded")
        return self._source


def _attributes(vm: Control, length: int) -> dict[str, Any]:
    """`length`: characters of a value."""
    from .. import names

    vm.contexts.fetch()
    return read_attributes(vm.vm, vm.contexts, vm.loaded(), names(), length)


def _locals(vm: Control, on: bool) -> None:
    """Whether tracebacks have local variables from now on."""
    vm.vm.show_locals = on


def _profile(vm: Control, on: bool) -> dict[str, Any] | None:
    """Begin a profile, or end it and tell it. The proxy has to answer `profiling.PROBE`."""
    if not on:
        profiler, vm.profiler = vm.profiler, None
        if profiler is None:
            raise RuntimeError("no profile is running")
        return profiler.stop()
    if vm.profiler is not None:
        raise RuntimeError("a profile is running already")
    vm.profiler = Profiler(vm._binding.get_metric, vm.loaded().codes)
    vm.profiler.start()
    return None


def _resume(vm: Control) -> None:
    """Go on in a VM whose memory was filled elsewhere."""
    if vm.resume is not None:
        vm.resume()


#: Request -> what answers it, from the dispatcher and the request's arguments.
ACTIONS: dict[str, Callable[..., Any]] = {
    "attributes": _attributes,
    "locals": _locals,
    "profile": _profile,
    "resume": _resume,
}
