"""`%wasmfuzz`: search for requests that make a filter fail."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from wasmnb.testing.fuzzing.flags import FUZZ_FLAGS, fuzz_arguments
from wasmnb.traffic.replay.flags import executor_of

from ..progress import progress_for
from .arguments import NAME, line_only, parse
from .base import FilterMagics

__all__ = ["FuzzMagics"]


@magics_class
class FuzzMagics(FilterMagics):
    """The magic `%wasmfuzz`."""

    @line_only(NAME, *FUZZ_FLAGS)
    def wasmfuzz(self, line: str) -> Any:
        """Search for traps, hangs, stuck streams and memory growth, and show the smallest scenario as a test.

        The filter runs in new proxies with the same settings, so that the running proxy is not affected. Clients send
        interleaved requests or TCP data in chunks, services respond late, with errors or not at all, virtual time passes,
        configurations change, and items are added to queues. The stop button ends the search and shows the results so far.
        Examples::

            %wasmfuzz auth --seconds 60 --only trap,stuck
            %wasmfuzz auth --all --save tests/test_found.py

        The same in Python: `wasmnb.testing.fuzz(auth.plugins, seconds=60)`.
        """
        from wasmnb.testing import fuzz

        options = parse(self.wasmfuzz, line)
        plugins = self.proxy(options.name).plugins
        with progress_for(self.shell, self.style) as progress, executor_of(options) as executor:
            progress.verdict = "Searched for {:.1f} s"
            report = fuzz(
                plugins,
                executor=executor,
                progress=lambda now: progress(now.progress, now.seconds / options.seconds),
                **fuzz_arguments(options),
            )
        if options.save:
            report.save(options.save)
        return report
