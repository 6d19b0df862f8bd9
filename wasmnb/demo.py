"""`make demo`: run the first notebook headless, print what it shows, write it to build/demo.html.

python -m wasmnb.demo [NOTEBOOK] [--output build/demo.html]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "01-first-filter.ipynb"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; exit code 1 if a cell failed."""
    parser = argparse.ArgumentParser(prog="python -m wasmnb.demo", description=main.__doc__)
    parser.add_argument("notebook", nargs="?", type=Path, default=NOTEBOOK)
    parser.add_argument("--output", type=Path, default=Path("build/demo.html"))
    options = parser.parse_args(arguments)
    prepare_runtime()
    started = time.monotonic()
    notebook, failure = execute(options.notebook)
    show(notebook)
    write_html(notebook, options.output)
    if failure:
        print(f"\nA cell failed:\n{failure}", file=sys.stderr)
        return 1
    print(f"\n{options.notebook.name} ran in {time.monotonic() - started:.1f} s; open {options.output} to see it.")
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
    from nbclient.exceptions import CellExecutionError

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
        client.execute()
    except CellExecutionError as error:
        return notebook, str(error)
    return notebook, ""


def show(notebook: Any) -> None:
    """Print every cell's source in short and its output's text form."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        first, *more = cell.source.splitlines() or [""]
        print(f"\n── {first}{' …' if more else ''}")
        for output in cell.outputs:
            if output.output_type == "stream":
                print(output.text.rstrip())
            elif output.output_type == "error":
                print(f"{output.ename}: {output.evalue}")
            elif "text/plain" in output.get("data", {}):
                print(output.data["text/plain"].rstrip())


def write_html(notebook: Any, path: Path) -> None:
    """Export the executed notebook."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
