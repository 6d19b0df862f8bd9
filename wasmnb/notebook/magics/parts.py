"""`%%wasmpart`: write a filter in more than one cell."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError as MagicUsageError
from IPython.core.magic import magics_class

from ..cells import cell_id, cell_part
from ..part_store import PartList, PartStore, StoredPart
from .arguments import NAME, flag, line_cell, parse
from .base import FilterMagics

__all__ = ["PartsMagics"]


@magics_class
class PartsMagics(FilterMagics):
    """The magic `%%wasmpart`."""

    def __init__(self, shell: Any = None, **options: Any) -> None:
        super().__init__(shell, **options)
        self.store = PartStore()

    @line_cell(NAME, flag("--clear", action="store_true", help="Remove the parts of this filter."))
    def wasmpart(self, line: str, cell: str | None = None) -> Any:
        """Store the cell as a part of a filter. `%%wasmfilter NAME` builds the filter from its parts and its own cell.

        Parts run in the order in which they were stored, before the filter's own cell, and share one namespace. If you run a
        part's cell again, the part is replaced, and a running filter is rebuilt. Example::

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
                f"The filter's name {options.name!r} is not a valid name for a variable. Use the NAME of its %%wasmfilter."
            )
        if cell is not None and options.clear:
            raise MagicUsageError("--clear can't be used in a cell magic. Use the line magic: %wasmpart NAME --clear")
        if options.clear:
            self.store.clear(options.name)
        if cell is None:
            return PartList(options.name, self.store.parts(options.name))
        self.store.put(options.name, StoredPart(cell_part(self.shell, cell), cell_id(self.shell)))
        rebuilt = self.store.rebuild(options.name, self.shell.user_ns.get(options.name))
        news = " The filter was rebuilt." if rebuilt else f" Build the filter with %%wasmfilter {options.name}."
        return PartList(options.name, self.store.parts(options.name), news)
