"""Links of the repository's pages -> links of the site's pages.

Guides, notebooks and examples have pages of their own. All other files are linked in the repository.
"""

import os
import re
from pathlib import Path

from .repository import REPOSITORY, ROOT, source_url

#: A link or picture of Markdown, and its address.
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def site_page(path):
    """Return the site's page of a file of the repository, or None."""
    folder, name = Path(path).parent.as_posix(), Path(path).name
    if path in {"README.md", "docs/README.md"}:
        return "index.md"
    if path == "docs/reference.md":
        return "reference/index.md"
    if folder == "docs" and name.endswith(".md"):
        return f"guide/{name}"
    if name.endswith(".ipynb") and folder in {"notebooks", "notebooks/course"}:
        return f"{'course' if folder.endswith('course') else 'tools'}/{name}"
    if path == "examples":
        return "gallery/index.md"
    if folder == "examples" and name.endswith(".py"):
        return f"gallery/{Path(name).stem}.md"
    if folder == "docs/images":
        return f"images/{name}"
    return None


def to_site(text, source, page):
    """Return Markdown with its links changed.

    Parameters
    ----------
    text
        The Markdown.
    source
        Path of its file in the repository.
    page
        Path of its page in the site.
    """

    def change(match):
        address, _, anchor = match[2].partition("#")
        if not address or "://" in address or address.startswith("mailto:"):
            return match[0]
        target = os.path.normpath(os.path.join(os.path.dirname(source), address))
        if not (ROOT / target).exists():
            raise FileNotFoundError(f"{source} links to {match[2]}, which doesn't exist")
        site = site_page(target)
        if site is None:
            return f"{match[1]}{source_url(target)}{match[3]}"
        relative = os.path.relpath(site, os.path.dirname(page) or ".")
        anchor = "" if site == "reference/index.md" else anchor  # its names have pages of their own
        return f"{match[1]}{relative}{'#' + anchor if anchor else ''}{match[3]}"

    return _LINK.sub(change, text)


__all__ = ["REPOSITORY", "site_page", "to_site"]
