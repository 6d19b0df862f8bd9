"""Prediction of the cost of starting Envoy from the sizes of its modules.

In Envoy 1.40 with V8, the optimising compiler compiles every function before Envoy is ready, even functions that never run. The
process keeps memory freed by the compiler unless `memory_allocator_manager` returns it. Envoy creates a base VM, which is only
used to clone others, a second VM on the main thread, and one for each worker. Resident memory contains only the part of each
linear memory that has been written.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from ...compiler.release.module_assembly.inlining import has_fillers
from ...compiler.wasm_binary.core_module import CoreModule
from ...parsing.leb128 import Malformed
from .cost import StartCost

__all__ = ["ModuleSize", "facts_of", "predict"]

# Fitted to measurements of `tests/benchmarks/release_start.py` on two cores, with a C filter, release modules and full modules.

#: CPU seconds for loading V8, and for each byte of code, byte of code without inlining, function, byte of the file, and byte
#: that a VM writes.
_CPU = 0.02
_CPU_CODE, _CPU_PLAIN, _CPU_FUNCTION, _CPU_FILE, _CPU_MEMORY = 1.7e-6, 1.05e-6, 1.5e-5, 1.0e-9, 5e-9

#: Bytes of memory that stay in use: for V8 itself, and for each function, byte of code, byte of the file, and VM without its
#: memory.
_V8, _FUNCTION, _CODE, _FILE, _VM = 14.5e6, 2000.0, 8.0, 4.0, 1.2e6

#: Bytes freed by the compiler that Envoy still holds when it is ready: for each byte of code up to a maximum, that maximum, and
#: an additional number for each byte of code.
_FREED, _MOST_FREED, _FREED_MORE = 50.0, 18e6, 2.5


@dataclass(frozen=True)
class ModuleSize:
    """Sizes of a module that determine the cost of a start.

    Attributes
    ----------
    file
        Size of the module file in bytes.
    code
        Size of the code section in bytes.
    functions
        Number of functions.
    memory
        Bytes of linear memory that each VM has written when it is ready.
    base_memory
        Bytes of linear memory written by the base VM, which is only used to clone others.
    plain_code
        Bytes of code in which V8 inlines nothing, as in release modules (default 0).
    """

    file: int
    code: int
    functions: int
    memory: int
    base_memory: int
    plain_code: int = 0


def facts_of(modules: Iterable[bytes]) -> ModuleSize:
    """Return the total sizes of modules. Data segments are counted as written memory. For a damaged module, only the file is
    counted.
    """
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
    """Predict the cost of starting Envoy with a module, in addition to an Envoy without filters.

    Parameters
    ----------
    size
        Sizes of the module, or of all modules together.
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
