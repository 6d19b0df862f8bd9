"""`%wasmstate`: Python variables of each VM."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["StateMagics"]


@magics_class
class StateMagics(FilterMagics):
    """Python variables of the workers."""

    @line_only(NAME, flag("--worker", "-w", type=int, metavar="N", help="Only this worker."))
    def wasmstate(self, line: str) -> Any:
        """Show the Python variables of every worker: attributes of contexts and classes, variables of the module.

        Each worker has its own VM with its own variables. Values that differ between workers are marked. Example::

            %wasmstate auth

        The same in Python: `auth.python_state()`, with `.diverging`, `.variables` and `.streams`.
        """
        options = parse(self.wasmstate, line)
        return self.proxy(options.name).python_state(worker=options.worker)
