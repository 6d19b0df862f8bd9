"""`wasmnb build`: compile a source file to a module, or check that a module was built from a source file."""

from __future__ import annotations

import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmnb.errors import UsageError
from wasmnb.notebook.progress import Progress, TerminalProgress
from wasmnb.traffic.code_profile import profile_of_recording
from wasmnb.view.render.units import size

__all__ = ["build"]


def build(options: Namespace) -> int:
    """Run `wasmnb build` and return the exit code."""
    if options.check:
        return _check(options)
    if options.filter is None:
        raise UsageError("The source file is missing. Pass it as an argument: wasmnb build FILTER.py")
    from wasmnb.compiler import Filter

    source = Path(options.filter)
    output = Path(options.output) if options.output else source.with_suffix(".wasm")
    if source.suffix == ".wasm":
        raise UsageError(f"{source} is already a module. Pass a .py file to build.")
    if output.resolve() == source.resolve():
        raise UsageError(f"--output {output} is the source file. Choose another output file.")
    started = time.monotonic()
    with _progress(options) as progress:
        filter_ = Filter.from_file(source, progress=progress)
        profile = None if options.profile is None else profile_of_recording(filter_, options.profile)
        filter_.save(output, debug=options.debug, strip=options.strip, profile=profile, progress=progress)
    if not options.quiet:
        took = time.monotonic() - started
        print(f"{output}  {size(output.stat().st_size)}  built in {took:.1f} s")
    return 0


def _check(options: Namespace) -> int:
    """Build a source file with the settings of an existing module, and print the differences between the two modules."""
    from wasmnb.compiler import Filter
    from wasmnb.compiler.provenance.comparison import differences
    from wasmnb.compiler.provenance.record import read_record

    path = Path(options.check)
    source = Path(options.filter) if options.filter else path.with_suffix(".py")
    saved = path.read_bytes()
    record = read_record(saved) or {}
    debug, strip = record.get("form") == "full", bool(record.get("strip", True))
    with _empty_cache() if options.fresh else _progress(options), _progress(options) as progress:
        filter_ = Filter.from_file(source, progress=progress)
        profile = None if options.profile is None else profile_of_recording(filter_, options.profile)
        built = filter_.to_bytes(debug=debug, strip=strip, profile=profile, progress=progress)
    changes = differences(saved, built)
    if not changes:
        if not options.quiet:
            print(f"{path} is the module that {source} compiles to: {size(len(saved))}, all bytes are equal.")
        return 0
    print(f"{path} isn't the module that {source} compiles to.")
    for line in changes:
        print(f"  {line}")
    return 1


def _progress(options: Namespace) -> Progress:
    return Progress() if options.quiet else TerminalProgress()


@contextmanager
def _empty_cache() -> Iterator[None]:
    """Use an empty, temporary cache inside the `with` block."""
    before = os.environ.get("WASMNB_CACHE")
    with tempfile.TemporaryDirectory(prefix="wasmnb-check-") as folder:
        os.environ["WASMNB_CACHE"] = folder
        try:
            yield
        finally:
            os.environ.pop("WASMNB_CACHE")
            if before is not None:
                os.environ["WASMNB_CACHE"] = before
