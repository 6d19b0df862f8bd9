"""`%wasmstate`: what the Python inside a filter's VMs holds."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["StateMagics"]


@magics_class
class StateMagics(FilterMagics):
    """Looking into the workers."""

    @line_only(NAME, flag("--worker", "-w", type=int, metavar="N", help="Only this worker."))
    def wasmstate(self, line: str) -> Any:
        """Show what every worker's VM holds in Python: attributes of contexts and classes, variables of the module.

        Each worker has a VM of its own, so that what a filter keeps in Python is there once a worker. Values on which
        workers do not agree are marked. An example::

            %wasmstate auth

        The same in Python: `auth.python_state()`, with `.diverging`, `.variables` and `.streams`.
        """
        options = parse(self.wasmstate, line)
        return self.proxy(options.name).python_state(worker=options.worker)
