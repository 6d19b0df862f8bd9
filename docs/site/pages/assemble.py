"""Put the site's pages together from the repository: guides, course, gallery, reference."""

import json
import shutil

from .gallery import gallery_pages
from .links import to_site
from .reference import reference_pages
from .repository import ROOT, binder_url

#: Folders of the site that are written here.
GENERATED = ("guide", "course", "tools", "gallery", "reference", "images")

#: Files of docs/ that have pages of another kind.
_NO_GUIDES = {"README.md", "reference.md"}


def assemble(site):
    """Write all generated pages into the site's folder; files that haven't changed are left alone."""
    pages = {**guides(), **notebooks("notebooks", "tools"), **notebooks("notebooks/course", "course")}
    pages |= gallery_pages()
    pages |= reference_pages()
    for folder in GENERATED:
        for old in (site / folder).rglob("*"):
            if old.is_file() and old.relative_to(site).as_posix() not in pages and folder != "images":
                old.unlink()
    shutil.copytree(ROOT / "docs" / "images", site / "images", dirs_exist_ok=True)
    for name, text in pages.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def guides():
    """Return the pages of docs/, and their index."""
    pages, rows = {}, []
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.name in _NO_GUIDES:
            continue
        pages[f"guide/{path.name}"] = to_site(path.read_text(), f"docs/{path.name}", f"guide/{path.name}")
        rows.append(path.stem)
    pages["guide/index.md"] = "# Guides\n\n" + _toctree(rows)
    return pages


def notebooks(folder, page_folder):
    """Return the notebooks of a folder with a link to Binder in front, and their index."""
    pages, rows = {}, []
    for path in sorted((ROOT / folder).glob("*.ipynb")):
        source, page = f"{folder}/{path.name}", f"{page_folder}/{path.name}"
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = to_site("".join(cell["source"]), source, page)
        first = notebook["cells"][0]
        title, _, rest = first["source"].partition("\n")
        first["source"] = f"{title}\n\n[Open in Binder]({binder_url(source)})\n{rest}"
        pages[page] = json.dumps(notebook, indent=1, ensure_ascii=False)
        rows.append(path.stem)
    text = (ROOT / "docs" / "site" / "pages" / f"{page_folder}-index.md").read_text()
    pages[f"{page_folder}/index.md"] = text + "\n" + _toctree(rows)
    return pages


def _toctree(names, depth=1):
    return "\n".join(["```{toctree}", f":maxdepth: {depth}", "", *names, "```", ""])
