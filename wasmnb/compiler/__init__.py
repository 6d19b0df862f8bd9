"""The compiler: it turns Python source into a module that Envoy loads, and inspects any module.

`wasmnb.host` runs modules; nothing here knows about proxies or traffic.

    Filter              from_source, from_file, save, wasm, info
    inspect_module      facts about a module, and reasons why Envoy would refuse it
    build_runtime, list_runtimes, clear_runtimes
                        the cache of runtimes

Steps from source to module: `source.imports` and `source.requirements` read the imports; `runtime.runtime` finds a
matching runtime in the cache or builds one (`runtime.staging` and `runtime.componentize` make a component,
`runtime.build_module` and `wasm.linker` turn it into one core module); `runtime.probe` loads the source once in a scratch
VM; `wasm.embed_source` puts source and runtime together. A `Filter` holds one of three backends: `source_filter`,
`module_filter` or `native_filter`. For a class, `collect.class_collector` gathers the source first.
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
