"""`%%wasmpart`: a filter in several cells."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError as MagicUsageError
from IPython.core.magic import magics_class

from ..cells import cell_id, cell_part
from ..kept_parts import KeptPart, PartList, PartStore
from .arguments import NAME, flag, line_cell, parse
from .base import FilterMagics

__all__ = ["PartsMagics"]


@magics_class
class PartsMagics(FilterMagics):
    """Cells that belong to a filter in addition to its own cell."""

    def __init__(self, shell: Any = None, **options: Any) -> None:
        super().__init__(shell, **options)
        self.store = PartStore()

    @line_cell(NAME, flag("--clear", action="store_true", help="Remove the parts of this filter."))
    def wasmpart(self, line: str, cell: str | None = None) -> Any:
        """Store the cell as a part of a filter; `%%wasmfilter NAME` builds the filter from its parts and its own cell.

        Parts run before the own cell, in the order in which they were stored, in one namespace. Running a part again
        replaces it and rebuilds the filter if it is running. Example::

            %%wasmpart auth
            def is_good(token):
                return token.startswith("good-")

            %%wasmfilter auth
            class Auth(HttpContext):
                def on_http_request_headers(self, num_headers, end_of_stream):
                    if not is_good(self.request_headers.get("x-token", "")):
                        self.send_local_response(401)

        `%wasmpart auth` lists the parts. `%wasmpart auth --clear` removes them, for example after you delete a cell.
        """
        options = parse(self.wasmpart, line)
        if not options.name.isidentifier():
            raise MagicUsageError(
                f"{options.name!r} can't be the name of a variable. Use the NAME of the %%wasmfilter."
            )
        if cell is not None and options.clear:
            raise MagicUsageError("--clear doesn't take a cell. Write it on one line: %wasmpart NAME --clear")
        if options.clear:
            self.store.clear(options.name)
        if cell is None:
            return PartList(options.name, self.store.parts(options.name))
        self.store.put(options.name, KeptPart(cell_part(self.shell, cell), cell_id(self.shell)))
        rebuilt = self.store.rebuild(options.name, self.shell.user_ns.get(options.name))
        news = " The filter was rebuilt." if rebuilt else f" Build the filter with %%wasmfilter {options.name}."
        return PartList(options.name, self.store.parts(options.name), news)
