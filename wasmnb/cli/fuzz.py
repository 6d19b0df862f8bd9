"""`wasmnb fuzz`: search for requests that make a filter fail."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from wasmnb.notebook.progress import TerminalProgress
from wasmnb.testing.fuzzing.flags import fuzz_arguments
from wasmnb.traffic.replay.flags import executor_of

from . import INTERRUPTED

__all__ = ["fuzz"]


def fuzz(options: Namespace) -> int:
    """Run `wasmnb fuzz`. Returns 1 if a failure was found, 130 if interrupted without a failure, otherwise 0."""
    from wasmnb.compiler import Filter
    from wasmnb.testing import fuzz as search

    with TerminalProgress() as progress:
        filter_ = Filter.from_file(options.filter, progress=progress)
    with executor_of(options) as executor, TerminalProgress() as progress:
        progress.patience, progress.verdict = 1.0, "Searched for {:.1f} s"
        report = search(
            filter_,
            executor=executor,
            progress=lambda now: progress(now.progress, now.seconds / options.seconds),
            **fuzz_arguments(options),
        )
    print(json.dumps(report.as_dict(), indent=2) if options.as_json else report)
    if options.save and report:
        print("Saved to " + ", ".join(map(str, report.save(options.save))), file=sys.stderr)
    return INTERRUPTED if report.interrupted and not report else int(bool(report))
