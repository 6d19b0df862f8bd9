"""`make notebooks`: run the notebooks and save their outputs, or with `--check`, fail if a saved output is stale.

python -m tests.notebooks [--check] [NAME ...]
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import nbformat

from tests.notebooks.saved_form import NOTEBOOKS, differences, notebooks, run, same, save_form, write


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="Parts of notebooks' names; by default all of them.")
    parser.add_argument("--check", action="store_true", help="Write nothing, and fail if an output is stale.")
    parser.add_argument("--jobs", type=int, default=2, help="Kernels at the same time (2).")
    options = parser.parse_args(arguments)
    chosen = [p for p in notebooks() if not options.names or any(name in p.stem for name in options.names)]
    with ThreadPoolExecutor(options.jobs) as pool:
        stale = [path for path, fresh in zip(chosen, pool.map(lambda p: refresh(p, check=options.check), chosen), strict=True) if not fresh]
    if stale and options.check:
        print(f"{len(stale)} notebooks are stale: run `make notebooks`, and look at the difference.", file=sys.stderr)
        return 1
    return 0


def refresh(path, *, check):
    """Run a notebook. Return whether its saved outputs agree with the run."""
    started = time.monotonic()
    saved = nbformat.read(path, as_version=4)
    fresh = save_form(run(path), saved)
    stale = [(cell, old) for cell, old in zip(fresh.cells, saved.cells, strict=True) if changed(cell, old)]
    lines = [f"{path.relative_to(NOTEBOOKS)}: {time.monotonic() - started:.1f} s{', changed:' if stale else ''}"]
    for cell, old in stale:
        lines += [f"  {cell.source.splitlines()[0]}", *(f"    {line}" for line in differences(cell.outputs, old.outputs))]
    print("\n".join(lines), flush=True)
    if not check:
        write(fresh, path)
    return not stale


def changed(cell, saved):
    return cell.cell_type == "code" and not same(cell.outputs, saved.outputs)


if __name__ == "__main__":
    raise SystemExit(main())
