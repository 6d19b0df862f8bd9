"""`%wasmprofile`: where a filter spends its time."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from wasmnb.errors import UsageError
from wasmnb.traffic.curl import FLAGS, from_options

from ..progress import progress_for
from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["ProfileMagics"]


@magics_class
class ProfileMagics(FilterMagics):
    """Measuring a filter from inside."""

    @line_only(
        NAME,
        flag("url", nargs="?", help="A path, or a URL; without one, the proxy's last requests are repeated."),
        flag("--requests", "-n", type=int, default=200, metavar="N", help="How many to measure; 200 if not given."),
        flag("--last", type=int, default=20, metavar="N", help="How many of the last requests to repeat."),
        *FLAGS,
    )
    def wasmprofile(self, line: str) -> Any:
        """Show where a Python filter spends its time: by the cell's lines, by hostcall and by callback.

        The proxy is left alone: its last requests, or the one given with curl's flags, go through fresh proxies like it.
        The first profile takes longer, since the module is compiled once more, with counters. Examples::

            %wasmprofile auth
            %wasmprofile auth -n 500 -H 'x-user: ann' /pay

        The same in Python: `wasmnb.traffic.profile(auth, path="/pay")`; its `.fuel` is the same on every run.
        """
        from wasmnb.traffic import profile

        options = parse(self.wasmprofile, line)
        if options.last < 1:
            raise UsageError(f"--last takes a number of requests from 1 on, not {options.last}.")
        given = {"last": options.last}
        if options.url is not None:
            given = {k: v for k, v in from_options(options, options.url).arguments.items() if k != "worker"}
        with progress_for(self.shell, self.style) as progress:
            progress.patience, progress.verdict = 1.0, "Profiled in {:.1f} s"
            return profile(self.proxy(options.name), requests=options.requests, progress=progress, **given)
