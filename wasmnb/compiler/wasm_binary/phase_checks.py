"""Checks of a module's direct calls against the table of phases (`wasmnb.abi.phases`).

Calls through a table can't be followed, and a call that is found may never run, for example because it follows an error. So
only calls in the start section are reported as problems, and all other calls as warnings.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..._display import short
from ...abi import CALLBACKS_BY_NAME, ENTRY_POINTS, HOSTCALLS, PHASES, START_SECTION
from ...parsing.leb128 import Malformed, Reader
from .core_module import CoreModule, Import
from .relocations import body_parts

__all__ = ["phase_warnings", "start_problem"]

#: Maximum bytes of code that are searched for calls of one export, which keeps the check of large modules fast.
_MOST_CODE = 1 << 16


def start_problem(module: CoreModule) -> Iterator[str]:
    """Yield a problem if the start section calls a host function, either itself or through functions that it calls."""
    if module.start is None:
        return
    for called in _called_imports(module, module.start):
        if called.name not in PHASES[START_SECTION].calls:
            yield (
                f"Its start section calls {short(f'{called.module}.{called.name}')}, which crashes Envoy. "
                "Move the call to an exported function _initialize."
            )
            return


def phase_warnings(module: CoreModule) -> Iterator[str]:
    """Yield a warning for each export that calls a hostcall in a phase that doesn't allow it."""
    for export, (kind, index) in module.exports.items():
        callback = CALLBACKS_BY_NAME.get(export.removeprefix("proxy_"))
        phase = PHASES.get(export if export in ENTRY_POINTS else callback.short if callback is not None else "")
        if kind != "func" or phase is None or len(phase.calls) == len(HOSTCALLS):
            continue
        names = {called.name for called in _called_imports(module, index, _MOST_CODE) if called.module == "env"}
        for name in sorted((names & HOSTCALLS.keys()) - phase.calls):
            effect = "traps there" if export in ENTRY_POINTS else "crashes Envoy there, on an HTTP stream"
            yield f"Its {export} calls {name}, which {effect}."


def _called_imports(module: CoreModule, function: int, most: int | None = None) -> Iterator[Import]:
    """Yield the imported functions that a function calls, either itself or through functions that it calls.

    A function that calls `proc_exit` isn't searched, because it runs only after an error. AssemblyScript's start section calls
    such a function in every check.
    """
    imported = module.imported("func")
    waiting, seen, size = [function], set(), 0
    while waiting:
        function = waiting.pop()
        if function < len(imported):
            yield imported[function]
            continue
        if function in seen or function - len(imported) >= len(module.code):
            continue
        seen.add(function)
        start, end = module.code[function - len(imported)]
        size += end - start
        if most is not None and size > most:
            return
        try:
            _, parts = body_parts(module.data, start, end)
        except Malformed:
            continue  # it contains unknown instructions, which the engine validates
        called_here = [Reader(i, 1).u32() for _, i in parts if i[:1] in {b"\x10", b"\x12"}]
        if not any(f < len(imported) and imported[f].name == "proc_exit" for f in called_here):
            waiting += called_here
