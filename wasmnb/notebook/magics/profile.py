"""`%wasmprofile`: measure the time that a filter takes, by line of its source."""

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
    """The magic `%wasmprofile`."""

    @line_only(
        NAME,
        flag("url", nargs="?", help="Path or URL of a request to measure (default: repeat the last requests)."),
        flag(
            "--requests", "-n", type=int, default=200, metavar="N", help="Number of requests to measure (default 200)."
        ),
        flag("--last", type=int, default=20, metavar="N", help="Number of earlier requests to repeat (default 20)."),
        flag(
            "--release",
            action="store_true",
            help="Also count instructions in the release module, which interprets rarely used code.",
        ),
        *FLAGS,
    )
    def wasmprofile(self, line: str) -> Any:
        """Show how much time a Python filter takes, by line of its cell, by hostcall and by callback.

        The last requests, or the request in the line, are sent through new proxies with the same settings, so that the running
        proxy is not affected. The first profile takes longer, because the module is compiled with counters.
        Examples::

            %wasmprofile auth
            %wasmprofile auth --release
            %wasmprofile auth -n 500 -H 'x-user: ann' /pay

        The same in Python: `wasmnb.traffic.profile(auth, path="/pay")`. Its `.fuel` is the same in every run.
        """
        from wasmnb.traffic import profile

        options = parse(self.wasmprofile, line)
        if options.last < 1:
            raise UsageError(f"--last must be at least 1, not {options.last}.")
        settings: dict[str, Any] = {"last": options.last}
        if options.url is not None:
            settings = {k: v for k, v in from_options(options, options.url).arguments.items() if k != "worker"}
        with progress_for(self.shell, self.style) as progress:
            progress.patience, progress.verdict = 1.0, "Profiled in {:.1f} s"
            return profile(
                self.proxy(options.name),
                requests=options.requests,
                release=options.release,
                progress=progress,
                **settings,
            )
