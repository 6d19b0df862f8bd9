"""The compiler, which turns Python source into a module for Envoy, and inspects modules from any toolchain.

Nothing in this folder handles proxies or traffic; modules are run by `wasmnb.host`.

    Filter              from_source, from_file, save, wasm, info
    inspect_module      facts about a module, and reasons why Envoy would refuse it
    build_runtime, list_runtimes, clear_runtimes
                        the cache of runtimes

Steps from source to module: `dependencies.imports` and `dependencies.requirements` find the imports. `runtime_build.runtime`
loads a matching runtime from the cache or builds one: `runtime_build.staging` and `runtime_build.componentize` make a
component, which `runtime_build.build_module` and `wasm_binary.linker` turn into one core module. `runtime_build.probe` loads
the source once in a scratch VM, and `wasm_binary.embed_source` joins source and runtime. A `Filter` uses one of three backends:
`source_filter`, `module_filter` or `native_filter`. For a class, `cell_source.class_collector` collects the source first.
"""

from .filter import Filter, FilterInfo
from .runtime_build.runtime_cache import RuntimeFacts, build_runtime, clear_runtimes, list_runtimes
from .wasm_binary.inspection import ModuleFacts, inspect_module

__all__ = [
    "Filter",
    "FilterInfo",
    "ModuleFacts",
    "RuntimeFacts",
    "build_runtime",
    "clear_runtimes",
    "inspect_module",
    "list_runtimes",
]
