"""Addresses of the repository, from pyproject.toml."""

import tomllib
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
BRANCH = "main"
VERSION = (ROOT / "wasmnb" / "_version.py").read_text().split('"')[-2]


def source_url(path):
    """Return the address of a file or folder of the repository."""
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/{BRANCH}/{path}"


def binder_url(notebook="notebooks/course/01-first-filter.ipynb"):
    """Return the link that opens a notebook in Binder."""
    name = REPOSITORY.removeprefix("https://github.com/")
    return f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath={quote(f'lab/tree/{notebook}', safe='')}"
