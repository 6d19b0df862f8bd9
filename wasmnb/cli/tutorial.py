"""`wasmnb tutorial [DIR]`: copy the tutorial notebooks. `wasmnb demo`: run the first one on the terminal."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path

from wasmnb.demo import main, notebooks_folder
from wasmnb.errors import UsageError

__all__ = ["demo", "tutorial"]

#: Files that belong to the tutorial.
_PATTERNS = ("*.ipynb", ".pytest.ini")


def tutorial(options: Namespace) -> int:
    """Copy the notebooks into a folder, and print how to open them.

    Raises
    ------
    UsageError
        A notebook of that name exists with other contents, or the folder can't be written.
    """
    folder = Path(options.folder)
    sources = [file for pattern in _PATTERNS for file in sorted(notebooks_folder().glob(pattern))]
    changed = [s.name for s in sources if not options.force and _differs(s, folder / s.name)]
    if changed:
        raise UsageError(f"{folder} has other versions of {', '.join(changed)}. Use --force to replace them.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            shutil.copyfile(source, folder / source.name)
    except OSError as error:
        raise UsageError(f"Can't write to {folder}: {error.strerror or error}.") from None
    for source in sources:
        if source.suffix == ".ipynb":
            print(folder / source.name)
    print(f"Open them with: jupyter lab --ServerApp.root_dir={folder}")
    return 0


def _differs(source: Path, target: Path) -> bool:
    return target.exists() and target.read_bytes() != source.read_bytes()


def demo(options: Namespace) -> int:
    """Run a notebook, print its outputs and export it as HTML."""
    arguments = [options.notebook] if options.notebook else []
    return main([*arguments, "--output", options.output])
