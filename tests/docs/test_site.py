"""The site: it builds without warnings, has every public name, and its links have targets."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import wasmnb
from wasmnb import sdk, testing
from wasmnb.cli.parser import make_parser
from wasmnb.notebook.install import MAGICS

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"


@pytest.fixture(scope="module")
def pages():
    """Modules that put the site's pages together."""
    sys.path.insert(0, str(SITE))
    try:
        from pages import assemble, gallery, links, reference, repository

        yield {m.__name__.split(".")[-1]: m for m in (assemble, gallery, links, reference, repository)}
    finally:
        sys.path.remove(str(SITE))


def test_reference_has_every_public_name(pages):
    names = pages["reference"].public_names()
    documented = {*names["wasmnb"], *names["wasmnb.sdk"]}
    assert {*wasmnb.__all__, "filter", "WasmTransport"} - {"__version__"} <= documented
    assert set(sdk.names()) <= documented
    assert set(testing.__all__) == set(names["wasmnb.testing"])


def test_reference_has_every_magic_and_every_command(pages):
    magics, commands = pages["reference"].magics_page(), pages["reference"].commands_page()
    for kind in MAGICS:
        for name in {name for table in kind.magics.values() for name in table}:
            assert f"%{name}`" in magics
            for action in getattr(kind, name).parser._actions:
                assert all(f"`{flag}" in magics or f" {flag}" in magics for flag in action.option_strings), (name, action.option_strings)
    (verbs,) = (action for action in make_parser()._actions if action.metavar == "COMMAND")
    assert all(f"## `wasmnb {verb}`" in commands for verb in verbs.choices)


def test_links_of_the_repository_become_links_of_the_site(pages):
    to_site = pages["links"].to_site
    assert to_site("[a](sdk.md#await)", "docs/kinds.md", "guide/kinds.md") == "[a](sdk.md#await)"
    assert to_site("[a](../examples/canary.py)", "docs/kinds.md", "guide/kinds.md") == "[a](../gallery/canary.md)"
    assert to_site("[a](../../docs/abi.md#phases)", "notebooks/course/x.ipynb", "course/x.ipynb") == "[a](../guide/abi.md#phases)"
    assert "/blob/main/tests/test_floors.py)" in to_site("[a](../tests/test_floors.py)", "docs/kinds.md", "guide/kinds.md")
    with pytest.raises(FileNotFoundError, match="nothing.md"):
        to_site("[a](nothing.md)", "docs/kinds.md", "guide/kinds.md")


def test_every_chapter_has_a_link_to_binder(pages):
    notebooks = pages["assemble"].notebooks("notebooks/course", "course")
    for path in (ROOT / "notebooks" / "course").glob("*.ipynb"):
        assert pages["repository"].binder_url(f"notebooks/course/{path.name}") in notebooks[f"course/{path.name}"]
        assert pages["repository"].binder_url(f"notebooks/course/{path.name}") in (ROOT / "docs" / "README.md").read_text()
    assert pages["repository"].binder_url() in (SITE / "index.md").read_text()


class Page(HTMLParser):
    """Links and anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.add(values.get("id"))
        for name in ("href", "src"):
            if values.get(name) and tag in ("a", "img", "link", "script"):
                self.links.append(values[name])


@pytest.mark.slow
@pytest.mark.xdist_group("site")
@pytest.mark.skipif(not all(map(importlib.util.find_spec, ("sphinx", "myst_nb", "pydata_sphinx_theme"))), reason="the group docs isn't installed")
def test_site_builds_without_warnings_and_its_links_have_targets(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", SITE, tmp_path]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    html = {path: Page(path.read_text()) for path in tmp_path.rglob("*.html") if "_static" not in path.parts}
    assert (tmp_path / "search.html") in html
    for path, page in html.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            address, _, anchor = link.partition("#")
            address = address.partition("?")[0]
            target = (path.parent / address).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), (path.relative_to(tmp_path), link)
            if anchor and target in html:
                assert anchor in html[target].anchors, (path.relative_to(tmp_path), link)
