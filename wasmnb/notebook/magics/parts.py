"""`%%wasmpart`: a filter that is split over several cells."""

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
    """Cells that belong to a filter beside its own."""

    def __init__(self, shell: Any = None, **options: Any) -> None:
        super().__init__(shell, **options)
        self.store = PartStore()

    @line_cell(NAME, flag("--clear", action="store_true", help="Forget the parts of this filter."))
    def wasmpart(self, line: str, cell: str | None = None) -> Any:
        """Put the cell aside as a part of a filter; `%%wasmfilter NAME` then takes all parts and its own cell.

        The parts run before the filter's own cell, in the order in which they came, in one namespace: what one defines
        the next ones can use. Running a part again replaces it, and rebuilds the filter if it is there. An example::

            %%wasmpart auth
            def is_good(token):
                return token.startswith("good-")

            %%wasmfilter auth
            class Auth(HttpContext):
                def on_http_request_headers(self, num_headers, end_of_stream):
                    if not is_good(self.request_headers.get("x-token", "")):
                        self.send_local_response(401)

        `%wasmpart auth` lists the parts, `%wasmpart auth --clear` forgets them: do that when a part's cell is gone.
        """
        options = parse(self.wasmpart, line)
        if not options.name.isidentifier():
            raise MagicUsageError(f"NAME is that of a %%wasmfilter, a variable, and {options.name!r} cannot be one.")
        if cell is not None and options.clear:
            raise MagicUsageError("--clear goes on a line of its own: %wasmpart NAME --clear")
        if options.clear:
            self.store.clear(options.name)
        if cell is None:
            return PartList(options.name, self.store.parts(options.name))
        self.store.put(options.name, KeptPart(cell_part(self.shell, cell), cell_id(self.shell)))
        rebuilt = self.store.rebuild(options.name, self.shell.user_ns.get(options.name))
        news = " It has been rebuilt." if rebuilt else f" %%wasmfilter {options.name} builds it."
        return PartList(options.name, self.store.parts(options.name), news)
