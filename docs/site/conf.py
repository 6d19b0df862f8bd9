"""The documentation's site. `make docs` builds it in build/docs; the pages are put together from the repository first."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from pages.assemble import assemble  # noqa: E402
from pages.docstrings import to_rst  # noqa: E402
from pages.repository import REPOSITORY, VERSION, binder_url  # noqa: E402

assemble(HERE)

project = "wasmnb"
author = "The wasmnb authors"
project_copyright = author
version = release = VERSION
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["pages"]
suppress_warnings = ["misc.highlighting_failure", "myst.header"]  # cells with magics; levels of headings in guides
html_theme = "pydata_sphinx_theme"
html_title = "wasmnb"
html_static_path = ["_static", "../images"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "github_url": REPOSITORY,
    "icon_links": [{"name": "Binder", "url": binder_url(), "icon": "fa-solid fa-play"}],
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_context = {"default_mode": "auto"}

# The notebooks have their outputs, which `make notebooks` writes and tests compare with a run.
nb_execution_mode = "off"
nb_merge_streams = True
nb_output_stderr = "remove"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "html_image"]

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 90
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
linkcheck_ignore = [rf"{REPOSITORY}/.*", r"https://mybinder\.org/.*", r"http://127\.0\.0\.1.*"]


def setup(app):
    app.connect("autodoc-process-docstring", to_rst)
