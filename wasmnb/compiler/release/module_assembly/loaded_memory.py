"""Memory of a VM after its filter has been loaded, which is the initial memory of a release module.

A filter's module-level code runs once, when the module is built. This is correct only if its result is the same in every VM. So
the host records whether it uses clocks, random numbers or the log, and the guest records whether it uses the environment or
Python's random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ....engine import Image, ImportType
from ...runtime_build.probe import Scratch, load_source, with_stand_ins

__all__ = ["LoadedMemory", "load"]

#: Hostcall -> used input that differs between VMs.
_USES = {
    "clock_time_get": "the time",
    "poll_oneoff": "the time",
    "random_get": "random numbers",
    "proxy_log": "the log",
    "environ_sizes_get": "the environment",
    "environ_get": "the environment",
}

#: Field of the guest's report -> used input that differs between VMs.
_GUEST_USES = {"environment": "the environment", "random": "random numbers"}

#: Nanoseconds by which the clock advances each time it is read.
_TICK = 1_000_000

#: The last hostcalls of the program before it loads the filter.
_LAST_BEFORE = frozenset({"environ_sizes_get", "environ_get"})


@dataclass(frozen=True)
class LoadedMemory:
    """The result of loading a filter in a scratch VM.

    Attributes
    ----------
    memory
        Complete memory of the VM.
    uses
        Inputs of the module-level code that differ between VMs, such as "the time". If there are any, the code must run in
        every VM.
    """

    memory: bytes
    uses: tuple[str, ...]


class _Loading(Scratch):
    """A scratch host that records hostcalls. Its results are the same in each build, so a source always results in the same
    module.

    Its clock advances whenever it is read, so that a source that waits for some time doesn't wait forever.
    """

    def __init__(self, image: Image, variables: Mapping[str, str]) -> None:
        self.calls: list[str] = []
        self._time = 0
        super().__init__(image, variables)

    def _resolve(self, import_: ImportType) -> Callable[..., int] | None:
        function = super()._resolve(import_)

        def recorded(*arguments: int) -> int:
            self.calls.append(import_.name)
            assert function is not None
            return function(*arguments)

        return recorded

    def _random_get(self, pointer: int, size: int) -> int:
        self.instance.memory.write(pointer, bytes(size))
        return 0

    def _clock_time_get(self, _clock: int, _precision: int, pointer: int) -> int:
        self.instance.memory.write_u64(pointer, self._time)
        self._time += _TICK
        return 0


def load(image: Image, pages: int, filename: str) -> LoadedMemory:
    """Load a filter in a scratch VM, and return its memory.

    Parameters
    ----------
    image
        Full runtime with the filter's source in its memory.
    pages
        Initial size of the runtime's memory in pages.
    filename
        File name of the source, for error messages.

    Raises
    ------
    SourceError
        The source can't be loaded.
    """
    undecided = LoadedMemory(b"", ("the environment",))
    return with_stand_ins(lambda variables: _load(image, pages, filename, variables), undecided)


def _load(image: Image, pages: int, filename: str, variables: Mapping[str, str]) -> LoadedMemory:
    with image.code.engine.interrupts:
        host = _Loading(image, variables)
        report = load_source(host, pages, filename)
        memory = host.instance.memory
        content = memory.read(0, memory.refresh())
        host.instance.close()
    uses = {_USES.get(name, name): None for name in _after_start(host.calls)}
    uses |= {_GUEST_USES[name]: None for name in report.get("reads", ())}
    return LoadedMemory(content, tuple(uses))


def _after_start(calls: list[str]) -> list[str]:
    """Return the hostcalls that were made while the filter's source was loaded. `calls` contains all hostcalls of the start."""
    first = next((i for i, name in enumerate(calls) if name in _LAST_BEFORE), -1) + 1
    if calls[first : first + 1] == ["environ_get"]:
        first += 1
    return calls[first:]
