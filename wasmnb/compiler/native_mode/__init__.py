"""Native mode, in which a filter's source runs in this interpreter instead of Wasm, for debuggers, coverage and profilers.

Native VMs run in the same host as Wasm modules, `wasmnb.host`. `..native_filter` creates a filter backend from these parts:

    source_input    conversion of the arguments of `Filter.native` to a source
    image           the object from which a host creates VMs, with the interface of a compiled module
    instance        one VM with its entry points, journal and traps
    hostcall_stubs  the host's functions as Python callables, whose arguments pass through an `arena`
    interpreter     the Python of one VM: builtins, standard modules (`stdlib_copies`, `clocks`), `sys.modules`
    wasi_services   clocks, random bytes and environment variables from the proxy
    warnings        differences between native mode and Wasm
    breakpoints     `breakpoint()`
    trap            exceptions that leave a callback

The host's checks and the records in its trace are the same as for Wasm.
"""

from .source_input import SourceInput

__all__ = ["SourceInput"]
