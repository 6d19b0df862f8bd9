"""Run the first notebook without a browser, print its outputs, and export it to build/demo.html. Called by `make demo`.

python -m wasmnb.notebook.demo [NOTEBOOK] [--output build/demo.html]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import WasmnbError

#: The first notebook of the tutorial.
FIRST_NOTEBOOK = "course/01-first-filter.ipynb"

#: Folder of the notebooks in an installed package.
_INSTALLED = Path(__file__).parents[1] / "tutorial"


def notebooks_folder() -> Path:
    """Return the folder of the tutorial notebooks, in the installed package or in a clone of the repository."""
    return _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[2] / "notebooks"


def main(arguments: list[str] | None = None) -> int:
    """Run a notebook without a browser, print its outputs, and export it as HTML. The exit code is 1 if a cell failed."""
    parser = argparse.ArgumentParser(prog="python -m wasmnb.notebook.demo", description=main.__doc__)
    parser.add_argument("notebook", nargs="?", type=Path, default=notebooks_folder() / FIRST_NOTEBOOK)
    parser.add_argument("--output", type=Path, default=Path("build/demo.html"))
    options = parser.parse_args(arguments)
    if not options.notebook.is_file():
        parser.error(f"the notebook {options.notebook} doesn't exist")
    try:
        return run(options.notebook, options.output)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except WasmnbError as error:  # the runtime can't be built
        print(error, file=sys.stderr)
        return 3


def run(path: Path, output: Path) -> int:
    """Run a notebook, print its outputs and export it as HTML. Returns the exit code: 1 if a cell failed, otherwise 0."""
    prepare_runtime()
    started = time.monotonic()
    notebook, failure = execute(path)
    show(notebook)
    write_html(notebook, output)
    if failure:
        print(f"\nA cell failed:\n{failure}", file=sys.stderr)
        return 1
    print(f"\n{path.name} ran in {time.monotonic() - started:.1f} s; open {output} to see it.")
    return 0


def prepare_runtime() -> None:
    """Build the runtime before the notebook runs, so that the terminal shows the progress of the build."""
    from ..compiler import build_runtime
    from .progress import TerminalProgress

    with TerminalProgress() as progress:
        build_runtime(progress=progress)


class Execution(NamedTuple):
    """An executed notebook with its outputs, and the error of the cell that failed (empty if no cell failed)."""

    notebook: Any
    error: str


def execute(path: Path) -> Execution:
    """Run the cells of a notebook in order, and stop at the first error."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    # Without the state of its widgets, the exported file contains their static forms, which need no scripts and no network.
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        store_widget_state=False,
        # Log errors only, because the kernel's warnings are irrelevant for a local run.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": path.parent}},
    )
    try:
        client.execute(stderr=subprocess.DEVNULL)  # a kernel that is stopped during a cell writes to stderr
    except CellExecutionError as error:
        return Execution(notebook, str(error))
    except (DeadKernelError, AssertionError) as error:
        if client.km is None:  # on Ctrl-C nbclient stops the kernel and then fails
            raise KeyboardInterrupt from error
        raise
    return Execution(notebook, "")


def show(notebook: Any) -> None:
    """Print the first line and the text outputs of every code cell."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        first, *rest = cell.source.splitlines() or [""]
        print(f"\n── {first}{' …' if rest else ''}")
        for text in filter(None, (text.rstrip() for text in texts(cell.outputs))):
            print(text)


def texts(outputs: Iterable[Any]) -> Iterator[str]:
    """Yield the text of each output. Consecutive outputs to the same stream are joined."""
    for (kind, _), group in groupby(outputs, key=lambda output: (output.output_type, output.get("name"))):
        if kind == "stream":
            yield "".join(output.text for output in group)
        elif kind == "error":
            yield from (f"{output.ename}: {output.evalue}" for output in group)
        else:
            yield from (output.get("data", {}).get("text/plain", "") for output in group)


def write_html(notebook: Any, path: Path) -> None:
    """Export the executed notebook to an HTML file."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
