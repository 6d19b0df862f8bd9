"""The documentation is complete: links have targets, and every magic, command and document is listed."""

import re
from pathlib import Path

import pytest

from wasmnb.cli.parser import make_parser
from wasmnb.notebook.install import MAGICS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text()


def anchors(path):
    """Anchors of the headings of a document on GitHub."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    names = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
    return {*names, *(f"{name}-{names[:n].count(name)}" for n, name in enumerate(names))}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_have_existing_targets(path):
    text = path.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_names_every_magic():
    for name in {name for kind in MAGICS for table in kind.magics.values() for name in table}:
        assert f"%{name}" in README, name


def test_readme_names_every_verb():
    (commands,) = (a for a in make_parser()._actions if a.metavar == "COMMAND")
    cells = [line.split("|")[1].replace("`wasmnb ", "`") for line in README.splitlines() if line.startswith("| `wasmnb ")]
    assert {f"`{verb}`" for verb in commands.choices} == {name for cell in cells for name in re.findall(r"`[^`]+`", cell)}


def test_index_names_every_document_and_notebook():
    index = (ROOT / "docs" / "README.md").read_text()
    for path in (*(ROOT / "docs").glob("*.md"), *(ROOT / "notebooks").rglob("*.ipynb")):
        assert path.name == "README.md" or f"{path.name})" in index, path.name


def test_pictures_of_the_readme_are_small():
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < 100_000, picture.name
        assert f"docs/images/{picture.name}" in README, f"{picture.name} is shown nowhere"
