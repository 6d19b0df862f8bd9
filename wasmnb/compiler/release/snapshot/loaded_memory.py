"""The memory of a VM in which a filter has been loaded: what a release module starts with.

A filter's top level runs when the module is built, and not again. That is only right if it would have done the same in every VM:
what it must not have used is asked for here, from the host's side (clocks, randomness, the log) and from the guest's (the
environment, Python's random numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ....engine import Image, ImportType, Trap
from ...glue import GLUE_PAGES
from ...runtime.probe import Scratch, located, source_error, with_stand_ins
from ...wasm.memory_image import PAGE

__all__ = ["LoadedMemory", "load"]

#: Hostcall -> what a top level that makes it uses.
_USES = {
    "clock_time_get": "the time",
    "poll_oneoff": "the time",
    "random_get": "random numbers",
    "proxy_log": "the log",
    "environ_sizes_get": "the environment",
    "environ_get": "the environment",
}

#: What the guest reports -> the same.
_GUEST_USES = {"environment": "the environment", "random": "random numbers"}

#: The program asks for the environment last of all before it loads the filter.
_LAST_BEFORE = frozenset({"environ_sizes_get", "environ_get"})


@dataclass(frozen=True)
class LoadedMemory:
    """What loading left.

    Attributes
    ----------
    memory
        All of the VM's memory.
    uses
        What the filter's top level used that may differ from VM to VM. If there is anything, it has to run in each.
    """

    memory: bytes
    uses: tuple[str, ...]


class _Loading(Scratch):
    """The scratch host, which notes the hostcalls. It always gives the same, so that a source always gives the same module."""

    def __init__(self, image: Image, variables: Mapping[str, str]) -> None:
        self.calls: list[str] = []
        super().__init__(image, variables)

    def _resolve(self, wanted: ImportType) -> Callable[..., int] | None:
        function = super()._resolve(wanted)

        def noted(*arguments: int) -> int:
            self.calls.append(wanted.name)
            assert function is not None
            return function(*arguments)

        return noted

    def _random_get(self, pointer: int, size: int) -> int:
        self.instance.memory.write(pointer, bytes(size))
        return 0

    def _clock_time_get(self, _clock: int, _precision: int, pointer: int) -> int:
        self.instance.memory.write_u64(pointer, 0)
        return 0


def load(image: Image, pages: int, filename: str) -> LoadedMemory:
    """Load a filter in a scratch VM and take its memory.

    Parameters
    ----------
    image
        The full runtime with the filter's source in place.
    pages
        Pages of memory that the runtime starts with.
    filename
        What errors call the source.

    Raises
    ------
    SourceError
        The source does not load.
    """
    undecided = LoadedMemory(b"", ("the environment",))
    return with_stand_ins(lambda variables: _load(image, pages, filename, variables), undecided)


def _load(image: Image, pages: int, filename: str, variables: Mapping[str, str]) -> LoadedMemory:
    with image.code.engine.interrupts:
        host = _Loading(image, variables)
        try:
            start = host.instance.function("_initialize")
            assert start is not None
            start()
        except Trap as trap:
            report = host.report((pages - GLUE_PAGES) * PAGE)
            raise located(report, source_error(report, trap, host.log, filename)) from None
        report = host.report((pages - GLUE_PAGES) * PAGE)
        memory = host.instance.memory
        content = memory.read(0, memory.refresh())
        host.instance.close()
    uses = {_USES.get(name, name): None for name in _after_start(host.calls)}
    uses |= {_GUEST_USES[name]: None for name in report.get("reads", ())}
    return LoadedMemory(content, tuple(uses))


def _after_start(calls: list[str]) -> list[str]:
    """The hostcalls since the filter's source began to load."""
    first = next((i for i, name in enumerate(calls) if name in _LAST_BEFORE), -1) + 1
    if calls[first : first + 1] == ["environ_get"]:
        first += 1
    return calls[first:]
