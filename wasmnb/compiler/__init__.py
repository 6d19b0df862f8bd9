"""From Python source to a module that Envoy loads, and what any module is.

    Filter              from_source, from_file, save, wasm, info
    inspect_module      facts of a module, and what would stop Envoy
    build_runtime, list_runtimes, clear_runtimes
                        the cache of runtimes, for whoever wants to fill or empty it ahead of time

The way of a filter: `imports` and `requirements` read what its source imports; `runtime` finds the runtime for that in
the `cache`, or builds it (`staging` and `componentize` make a component, `runtime_module` and `link` one core module of
it); `probe` loads the source once in a scratch VM; `rewrite` puts source and runtime together. What a `Filter` holds is one
of `from_source`, `from_module` and `native`; `from_class` finds what a class needs and makes a source of it.
"""

from .filter import Filter, FilterInfo
from .runtime.runtime_cache import RuntimeFacts, build_runtime, clear_runtimes, list_runtimes
from .wasm.inspection import ModuleFacts, inspect_module

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
