"""`make demo`: run the first notebook headless, print what it shows, write it to build/demo.html.

python -m wasmnb.demo [NOTEBOOK] [--output build/demo.html]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "01-first-filter.ipynb"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; exit code 1 if a cell failed."""
    parser = argparse.ArgumentParser(prog="python -m wasmnb.demo", description=main.__doc__)
    parser.add_argument("notebook", nargs="?", type=Path, default=NOTEBOOK)
    parser.add_argument("--output", type=Path, default=Path("build/demo.html"))
    options = parser.parse_args(arguments)
    if not options.notebook.is_file():
        parser.error(f"there is no notebook {options.notebook}")
    try:
        return run(options.notebook, options.output)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def run(path: Path, output: Path) -> int:
    """Run a notebook, print what it shows and export it; 1 if a cell failed."""
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
    """Build the runtime on the terminal, where its progress can be seen; later calls find it in the cache."""
    from .cli import main as cli

    code = cli(["runtime", "build"])
    if code:
        raise SystemExit(code)


def execute(path: Path) -> tuple[Any, str]:
    """Run all cells; the notebook with its outputs, and the text of the failure if there was one."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    # Without the state of widgets the export shows their static forms, which need neither script nor network.
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        store_widget_state=False,
        # Errors only: a kernel of our own on loopback needs no warnings.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": path.parent}},
    )
    try:
        client.execute(stderr=subprocess.DEVNULL)  # where a kernel says that it was ended in the middle of a cell
    except CellExecutionError as error:
        return notebook, str(error)
    except (DeadKernelError, AssertionError) as error:
        if client.km is None:  # nbclient answers Ctrl-C by ending the kernel, and then misses it
            raise KeyboardInterrupt from error
        raise
    return notebook, ""


def show(notebook: Any) -> None:
    """Print every cell's source in short and its output's text form."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        first, *more = cell.source.splitlines() or [""]
        print(f"\n── {first}{' …' if more else ''}")
        for text in filter(None, (text.rstrip() for text in texts(cell.outputs))):
            print(text)


def texts(outputs: Iterable[Any]) -> Iterator[str]:
    """The text form of each output; what came piece by piece on one stream is one text."""
    for (kind, _), group in groupby(outputs, key=lambda output: (output.output_type, output.get("name"))):
        if kind == "stream":
            yield "".join(output.text for output in group)
        elif kind == "error":
            yield from (f"{output.ename}: {output.evalue}" for output in group)
        else:
            yield from (output.get("data", {}).get("text/plain", "") for output in group)


def write_html(notebook: Any, path: Path) -> None:
    """Export the executed notebook."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
