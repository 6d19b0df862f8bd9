"""Native mode: a filter's source runs in this interpreter instead of Wasm, for debuggers, coverage and profilers.

The same host runs it, `wasmnb.host`; `native_filter` in the folder above makes a `Filter` from it.

    source_input    conversion of the arguments of `Filter.native` to a source
    image           the image that a host instantiates, with the interface of a compiled module
    instance        one VM: entry points, journal, traps
    hostcall_stubs  the host's functions as Python callables; arguments pass through an `arena`
    interpreter     the interpreter of one VM: builtins, standard modules (`stdlib_copies`, `clocks`), `sys.modules`
    wasi_services   clocks, random bytes and environment variables from the proxy
    warnings        differences between native mode and Wasm
    breakpoints     `breakpoint()`
    trap            exceptions that leave a callback

The host's checks, and the records in its trace, are the same as for Wasm.
"""

from .source_input import SourceInput

__all__ = ["SourceInput"]
