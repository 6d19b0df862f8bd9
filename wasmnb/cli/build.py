"""`wasmnb build`: compile a source file to a module."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from wasmnb.errors import UsageError
from wasmnb.notebook.progress import Progress, TerminalProgress
from wasmnb.view.render.units import size

__all__ = ["build"]


def build(options: Namespace) -> int:
    """Run the command and return the exit code."""
    from wasmnb.compiler import Filter

    source = Path(options.filter)
    output = Path(options.output) if options.output else source.with_suffix(".wasm")
    if source.suffix == ".wasm":
        raise UsageError(f"{source} is already a module. Pass a .py file to build.")
    if output.resolve() == source.resolve():
        raise UsageError(f"--output is the source file {source}. Choose another output file.")
    started = time.monotonic()
    with Progress() if options.quiet else TerminalProgress() as progress:
        filter_ = Filter.from_file(source, progress=progress)
        filter_.save(output, debug=options.debug, progress=progress)
    if not options.quiet:
        took = time.monotonic() - started
        print(f"{output}  {size(output.stat().st_size)}  built in {took:.1f} s")
    return 0
