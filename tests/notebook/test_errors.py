"""Errors in an executed notebook, in its HTML export, and in IPython on a terminal."""

import html
import json
import re
import subprocess
import sys

import pytest

CELLS = {
    "load": "%load_ext wasmnb",
    "syntax": "%%wasmfilter a\nfrom wasmnb.sdk import HttpContext\n\nclass X(HttpContext)\n    pass",
    "top level": "%%wasmfilter a\nLIMIT = int('ten')\nclass X(HttpContext):\n    pass",
    "start": '%%wasmfilter a\nclass P(PluginContext):\n    def on_plugin_start(self, size):\n        print("starting")\n        return self.missing\n\nclass X(HttpContext):\n    pass',
    "filter": "%%wasmfilter a --workers 1\nclass X(HttpContext):\n    def on_http_request_headers(self, n, end):\n        try:\n            {}['x']\n        except KeyError:\n            raise ValueError('<b>bold</b>')",
    "trap": "%wasmcurl a /",
    "usage": "%wasmcurl a --nonsense",
    "unknown": "%wasmtree b",
    "caller": "def call():\n    return a.get(7, headers=[('x', object())])\n\na.close()\ncall()",
}
NAMES = list(CELLS)
#: Cell -> lines that its output must have, wherever it is read.
EXPECTED = {
    "syntax": ("Cell In[2], line 4", "    class X(HttpContext)", "SourceError: SyntaxError: expected ':'"),
    "top level": ("Cell In[3], line 2", "----> 2 LIMIT = int('ten')", "      3 class X(HttpContext):"),
    "start": ("Cell In[4], line 5, in on_plugin_start", "----> 5         return self.missing", "AttributeError"),
    "trap": (
        "Cell In[5], line 5, in on_http_request_headers",
        "----> 5             {}['x']",
        "During handling of the above exception, another exception occurred:",
        "----> 7             raise ValueError('<b>bold</b>')",
    ),
    "usage": ("UsageError: unrecognized arguments: --nonsense",),
    "unknown": ("UsageError: 'b' is not a running filter. Running filters: a.",),
    "caller": ("----> 5 call()", "----> 2     return a.get(7", "UsageError: The proxy a is closed."),
}
OURS = ("wasmnb/", "site-packages", "run_cell_magic", "decorator-gen")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture(scope="module")
def executed():
    import nbclient
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
    return notebook


def shown(cell):
    return plain(
        "\n".join(
            "\n".join(o.traceback) if o.output_type == "error" else o.get("text") or o.data.get("text/plain", "")
            for o in cell.outputs
        )
    )


def check(name, text):
    for line in EXPECTED[name]:
        assert line in text, text
    for internal in OURS:
        assert internal not in text, text


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_notebook_shows_the_lines_of_the_cell(executed, name):
    check(name, shown(executed.cells[NAMES.index(name)]))


@pytest.mark.slow
def test_exported_page_shows_the_lines_and_escapes_the_message(executed):
    import nbconvert

    body, _ = nbconvert.HTMLExporter().from_notebook_node(executed)
    text = html.unescape(re.sub(r"<[^>]+>", "", body))
    for line in ("----> 2 LIMIT = int('ten')", "----> 5         return self.missing", "ValueError: <b>bold</b>"):
        assert line in text
    assert "<b>bold</b>" not in body


TERMINAL = """
import json, sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config
shell = TerminalInteractiveShell.instance(config=Config(HistoryManager={"enabled": False}), colors="nocolor")
for name, text in json.loads(sys.argv[1]).items():
    print("=====", name, flush=True)
    shell.run_cell(text, store_history=True)
    sys.stderr.flush()
"""


@pytest.fixture(scope="module")
def terminal():
    command = [sys.executable, "-W", "ignore", "-c", TERMINAL, json.dumps(CELLS)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)
    parts = re.split(r"^===== (.*)\n", plain(ran.stdout), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_terminal_shows_the_lines_of_the_cell(terminal, name):
    check(name, terminal[name])
