"""Native mode: the same source on the same host, run by this interpreter rather than as Wasm, for debuggers and the like.

    given       what `Filter.native` takes, as a source
    made        `NativeMade`: loads the source once; what `Filter.native` holds
    image       what a host instantiates; it looks like a compiled module
    instance    one VM: entries, journal, traps
    binding     hostcalls: the host's own functions, their arguments passed through an `arena`
    world       the interpreter as one VM sees it: builtins, standard modules (`private`, `clocks`), `sys.modules`
    surroundings, differences, stopping, trap
                clocks and chance from the proxy; what is said about differences; breakpoint(); how exceptions end

The host does not know the difference: every check and every record in its trace is the same.
"""

from ..native_filter import NativeMade
from .source_input import Given

__all__ = ["Given", "NativeMade"]
