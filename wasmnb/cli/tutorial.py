"""`wasmnb tutorial` copies the tutorial notebooks, and `wasmnb demo` runs the first one in the terminal."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path

from wasmnb.errors import UsageError
from wasmnb.notebook.demo import main, notebooks_folder

__all__ = ["demo", "tutorial"]

#: File types that are part of the tutorial.
_SUFFIXES = (".ipynb", ".ini", ".c", ".wasm")


def tutorial(options: Namespace) -> int:
    """Run `wasmnb tutorial`: copy the notebooks and their files into a folder, and print the command that opens them.

    Raises
    ------
    UsageError
        The folder contains a changed copy of one of the files, or can't be written.
    """
    folder = Path(options.folder)
    files = [file.relative_to(notebooks_folder()) for file in _sources(notebooks_folder())]
    changed = [str(f) for f in files if not options.force and _differs(notebooks_folder() / f, folder / f)]
    if changed:
        raise UsageError(
            f"Files in {folder} differ from the tutorial: {', '.join(changed)}. Choose another folder, or overwrite them with --force."
        )
    try:
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebooks_folder() / file, folder / file)
    except OSError as error:
        raise UsageError(
            f"The tutorial can't be written to {folder}: {error.strerror or error}. Choose another folder."
        ) from None
    for file in files:
        if file.suffix == ".ipynb":
            print(folder / file)
    print(f"Open them with: jupyter lab --ServerApp.root_dir={folder}")
    return 0


def _sources(folder: Path) -> list[Path]:
    """Return the files of the tutorial. Files that the notebooks wrote when they ran are omitted."""
    files = [file for file in folder.rglob("*") if file.suffix in _SUFFIXES]
    return sorted(file for file in files if not {"build", ".ipynb_checkpoints"} & set(file.relative_to(folder).parts))


def _differs(source: Path, target: Path) -> bool:
    return target.exists() and target.read_bytes() != source.read_bytes()


def demo(options: Namespace) -> int:
    """Run `wasmnb demo`: run a notebook, print its outputs and export it as HTML."""
    arguments = [options.notebook] if options.notebook else []
    return main([*arguments, "--output", options.output])
