"""`%wasmstate`: show the Python variables of a filter in each VM."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["StateMagics"]


@magics_class
class StateMagics(FilterMagics):
    """The magic `%wasmstate`."""

    @line_only(NAME, flag("--worker", "-w", type=int, metavar="N", help="Show only the variables of this worker."))
    def wasmstate(self, line: str) -> Any:
        """Show a filter's Python variables on every worker: attributes of contexts and classes, and variables of the module.

        Each worker has its own VM and therefore its own variables. Values that differ between workers are marked. Example::

            %wasmstate auth

        The same in Python: `auth.python_state()`. Its result has `.diverging`, `.variables` and `.streams`.
        """
        options = parse(self.wasmstate, line)
        return self.proxy(options.name).python_state(worker=options.worker)
