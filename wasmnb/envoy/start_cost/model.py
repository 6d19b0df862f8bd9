"""Prediction of the costs from facts of the module.

Facts (Envoy 1.40 with V8): every function is compiled by the optimising compiler before Envoy is ready, whatever is executed later;
memory that the compiler frees stays with the process unless `memory_allocator_manager` gives it back. Envoy makes a VM that it
only clones others from, a second one on the main thread, and one for each worker; a linear memory costs what of it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from ...compiler.release.assembly.inlining import has_fillers
from ...compiler.wasm.core_module import CoreModule
from ...formats.leb128 import Malformed
from .cost import StartCost

__all__ = ["ModuleSize", "facts_of", "predict"]

# The figures fit what `tests/benchmarks/release_start.py` measured on two cores: a C filter, release modules, full modules.

#: CPU-seconds: for Envoy to load V8 at all, a byte of code, a byte of code without inlining, a function, a byte of the file, a byte
#: that a VM writes.
_CPU = 0.02
_CPU_CODE, _CPU_PLAIN, _CPU_FUNCTION, _CPU_FILE, _CPU_MEMORY = 1.7e-6, 1.05e-6, 1.5e-5, 1.0e-9, 5e-9

#: Bytes of memory that stay: V8 itself, a function, a byte of code, a byte of the file, a VM without its linear memory.
_V8, _FUNCTION, _CODE, _FILE, _VM = 14.5e6, 2000.0, 8.0, 4.0, 1.2e6

#: Bytes that compiling has freed and that Envoy has not given back when it is ready: for a byte of code, at most, and for each byte
#: of much code.
_FREED, _MOST_FREED, _FREED_MORE = 50.0, 18e6, 2.5


@dataclass(frozen=True)
class ModuleSize:
    """Facts of a module that decide its costs.

    Attributes
    ----------
    file
        Bytes of the module.
    code
        Bytes of its code section.
    functions
        Number of its functions.
    memory
        Bytes of linear memory that a VM has written when it is ready.
    base_memory
        The same of the VM that Envoy only clones others from.
    plain_code
        Bytes of code into which V8 inlines nothing: that of release modules. Default: 0.
    """

    file: int
    code: int
    functions: int
    memory: int
    base_memory: int
    plain_code: int = 0


def facts_of(modules: Iterable[bytes]) -> ModuleSize:
    """Return the facts of modules together. Their data stands for the memory that they write; a damaged one has its size only."""
    modules = list(modules)
    parsed = []
    for content in modules:
        with suppress(Malformed):
            parsed.append(CoreModule.read(content))
    data = sum(segment.end - segment.start for module in parsed for segment in module.segments)
    active = sum(s.end - s.start for module in parsed for s in module.segments if s.offset is not None)
    sizes = [[end - start for start, end in module.code] for module in parsed]
    plain = sum(sum(functions) for functions in sizes if has_fillers(functions))
    return ModuleSize(sum(map(len, modules)), sum(map(sum, sizes)), sum(map(len, sizes)), data, active, plain)


def predict(size: ModuleSize, workers: int) -> StartCost:
    """Predict what a module costs at the start, over an Envoy without filters.

    Parameters
    ----------
    size
        Facts of the module.
    workers
        Number of worker threads.
    """
    vms = workers + 1
    written = size.base_memory + vms * size.memory
    code = _CPU_CODE * (size.code - size.plain_code) + _CPU_PLAIN * size.plain_code
    cpu = _CPU + code + _CPU_FUNCTION * size.functions + _CPU_FILE * size.file + _CPU_MEMORY * written
    settled = _V8 + _FUNCTION * size.functions + _CODE * size.code + _FILE * size.file + vms * _VM + written
    freed = min(_FREED * size.code, _MOST_FREED) + _FREED_MORE * size.code
    return StartCost(cpu, int(settled + freed), int(settled))
