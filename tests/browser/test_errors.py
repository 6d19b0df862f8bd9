"""Errors in JupyterLab: lines of the cell, without internal frames."""

CELLS = (
    "%load_ext wasmnb",
    "%%wasmfilter a\nfrom wasmnb.sdk import HttpContext\n\nclass X(HttpContext)\n    pass",
    "%%wasmfilter a\nfrom wasmnb.sdk import HttpContext\n\nLIMIT = int('ten')\n\nclass X(HttpContext):\n    pass",
    """%%wasmfilter a --config '{"limit": "x"}'
from wasmnb.sdk import HttpContext, PluginContext

class Plugin(PluginContext):
    def on_plugin_start(self, size):
        self.limit = self.parse(self.config)

    def parse(self, config):
        return int(config["limit"])

class X(HttpContext):
    pass""",
    """%%wasmfilter a --workers 2
from wasmnb.sdk import HttpContext

def lookup(user):
    try:
        return {}[user]
    except KeyError as error:
        raise ValueError(f"no such user: {user}") from error

class X(HttpContext):
    def on_http_request_headers(self, n, eos):
        lookup(self.request_headers["x-user"])""",
    "%wasmcurl a -H 'x-user: ann' /",
    "%wasmtree nosuch",
    "def call():\n    a.close()\n    return a.get('/x')\n\ncall()",
)
#: Cell -> texts that its output must contain.
EXPECTED = {
    2: ("line 4", "class X(HttpContext)", "^", "SyntaxError: expected ':'"),
    3: ("----> 4 LIMIT = int('ten')", "5", "ValueError: invalid literal"),
    4: ("----> 6         self.limit = self.parse", '----> 9         return int(config["limit"])', "In proxy_on_configure"),
    6: ("----> 6         return {}[user]", "KeyError: 'ann'", "direct cause", "----> 12         lookup", "no such user: ann"),
    7: ("UsageError: 'nosuch' is not a running filter. Running filters: a.",),
    8: ("----> 5 call()", "----> 3     return a.get('/x')", "UsageError: The proxy a is closed."),
}


def test_errors_point_at_lines_of_the_cell_and_hide_internal_frames(open_cells):
    notebook = open_cells(*CELLS, width=1200, height=1400)
    for number, sentences in EXPECTED.items():
        output = notebook.output(number)
        for sentence in sentences:
            assert sentence in output, (number, sentence, output)
        for internal in ("wasmnb/", "site-packages", "run_cell_magic", "magics.py", "proxy.py"):
            assert internal not in output, (number, internal)
    for dark in (False, True):
        notebook.theme(dark)
        for number in (2, 4, 6, 8):
            notebook.shoot(f"error-{number}-{'dark' if dark else 'light'}", number)
    assert not notebook.page.errors


STARTS = (
    "%load_ext wasmnb",
    """%%wasmfilter b
class V(VMContext):
    def on_vm_start(self, size):
        self.limit = {"a": 1}["b"]

class X(HttpContext):
    pass""",
    """%%wasmfilter b
class P(PluginContext):
    def on_plugin_start(self, size):
        log_warn("the licence has expired")
        return False

class X(HttpContext):
    pass""",
    "%%wasmfilter b --config '{\"limit\": 3'\nclass X(HttpContext):\n    pass",
    """%%wasmfilter b --cluster users=Response(200)
class P(PluginContext):
    async def on_plugin_start(self, size):
        response = await self.http_call("user", path="/")
        self.users = response.json()

class X(HttpContext):
    pass""",
    """%%wasmfilter b
class P(PluginContext):
    def on_plugin_start(self, size):
        self.limit = self.config["limit"]

class X(HttpContext):
    pass""",
)
#: Cell -> texts that its output must contain.
REASONS = {
    2: ("line 4, in on_vm_start", "The filter b doesn't start", "KeyError: 'b'"),
    3: ("The filter b refuses its configuration", "Its last warning: the licence has expired"),
    4: ("UsageError: --config is not JSON",),
    5: ('----> 4         response = await self.http_call("user"', "The proxy has no cluster 'user'; it has upstream, users."),
    6: ("KeyError: 'limit'", "The plugin has no configuration. Pass one with --config"),
}


def test_failed_starts_have_reasons(open_cells):
    notebook = open_cells(*STARTS, width=1200, height=1400)
    for number, sentences in REASONS.items():
        output = notebook.output(number)
        for sentence in sentences:
            assert sentence in output, (number, sentence, output)
    for dark in (False, True):
        notebook.theme(dark)
        for number in REASONS:
            notebook.shoot(f"start-{number}-{'dark' if dark else 'light'}", number)
    assert not notebook.page.errors
