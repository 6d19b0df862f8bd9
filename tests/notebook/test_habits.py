"""Typical notebooks in a real kernel: cells with ids, local modules, `%%ipytest`."""

import re

import pytest
from jupyter_client.manager import start_new_kernel

SETUP = """\
%load_ext wasmnb
import ipytest, wasmnb
from wasmnb import HttpContext, PluginContext, Proxy
ipytest.autoconfig(raise_on_error=True, display_columns=100)
"""

AUTH = """\
from words import say

class Settings(PluginContext):
    def suffix(self): return "!"

@wasmnb.filter
class Auth(HttpContext):
    plugin: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-bad"):
            fail()
        self.request_headers["x-said"] = double(say("hi")) + self.plugin.suffix()

def fail():
    return {}["no"]
"""

GATE = """\
%%wasmfilter gate --workers 2
class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if not is_good(self.request_headers.get("x-token")):
            self.send_local_response(401)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Run a cell with an id, and return its text outputs without colours."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "words.py").write_text("def say(x):\n    return x\n")
    manager, client = start_new_kernel(cwd=folder)

    def run(code, cell=None):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True, "stop_on_error": False}  # fmt: skip
        message = client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        client.shell_channel.send(message)
        said = []
        while True:
            got = client.get_iopub_msg(timeout=120)
            if got["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = got["msg_type"], got["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            said += (
                content.get("text", ""),
                content.get("data", {}).get("text/plain", ""),
                *content.get("traceback", ()),
            )
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(said))

    run.folder = folder
    assert "Error" not in run(SETUP)
    run("def double(x):\n    return x * 2\n")
    assert "Error" not in run(AUTH, "auth")
    run("%%wasmpart gate\ndef is_good(token):\n    return token == 'good'\n", "part")
    run(GATE, "gate")
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_decorated_class_uses_names_of_the_notebook(kernel):
    assert kernel("Proxy(Auth, workers=2).get('/').upstream_request.headers['x-said']").strip() == "'hihi!'"


@pytest.mark.slow
def test_trap_shows_the_lines_of_the_cell(kernel):
    text = kernel("Proxy(Auth).get('/', {'x-bad': '1'})")
    assert re.search(r"Cell In\[\d+\], line 12, in on_http_request_headers", text)
    assert "---> 12             fail()" in text
    assert '---> 16     return {}["no"]' in text
    assert "ipykernel" not in text


@pytest.mark.slow
def test_part_keeps_its_position_by_cell_id(kernel):
    kernel("%%wasmpart gate\nUNUSED = 1\n", "another")
    kernel("%%wasmpart gate\ndef is_good(token):\n    return token == 'better'\n", "part")
    assert "UNUSED" in kernel("%wasmpart gate")
    assert "has 2 parts" in kernel("%wasmpart gate")
    assert kernel("[gate.get('/', {'x-token': t}).response.status for t in ('good', 'better')]").strip() == "[401, 200]"
    kernel("%%wasmpart gate\ndef is_good(token):\n    return token == 'good'\n", "part")


@pytest.mark.slow
def test_proxy_as_result_gets_a_panel_until_a_later_cell_replaces_it(kernel):
    kernel("own = Proxy(Auth, workers=1)\nown")
    kernel("panel = own.attachments['panel']; proxies = [own]")
    kernel("own = Proxy(Auth, workers=1)")
    assert kernel("panel.widget.head['state'], panel.widget.head['reason']").strip() == "('running', '')"
    number = kernel("del proxies\nget_ipython().displayhook.prompt_count").strip()
    assert kernel("panel.widget.head['reason']").strip() == f"'replaced by cell {number}'"


@pytest.mark.slow
def test_rerun_part_updates_the_panel(kernel):
    kernel("panel = gate.panel()")
    text = kernel("%%wasmpart gate\ndef is_good(token):\n    return token == 'good'\n", "part")
    assert "The filter was rebuilt." in text
    assert kernel("panel is gate.panel()").strip() == "True"


@pytest.mark.slow
def test_local_module_is_reloaded(kernel):
    (kernel.folder / "words.py").write_text("def say(x):\n    return x.upper()\n")
    kernel(AUTH, "auth")
    assert kernel("Proxy(Auth).get('/').upstream_request.headers['x-said']").strip() == "'HIHI!'"
    (kernel.folder / "words.py").write_text("def say(x):\n    return x\n")
    kernel(AUTH, "auth")


IPYTEST = """\
%%ipytest
import pytest

@pytest.mark.wasm_backends("simulated", "native")
@pytest.mark.parametrize("form", ["decorated", "class", "text"])
def test_auth(wasm_proxy, form):
    what = {"decorated": Auth, "class": Auth.context_class, "text": "from words import say\\nclass A(HttpContext):\\n"
            " def on_http_request_headers(self, n, e): self.request_headers['x-said'] = say('hi') * 2 + '!'"}[form]
    assert wasm_proxy(what).get("/").upstream_request.headers["x-said"] == "hihi!"

@pytest.mark.wasm_backends("simulated", "native")
def test_gate(wasm_proxy, wasm_filter, wasm_backend):
    assert wasm_filter(gate).is_native == (wasm_backend == "native")
    assert wasm_proxy(gate, workers=3).get("/").response.status == 401

def test_running_filter():
    assert gate.get("/", {"x-token": "good"}).response.status == 200

def test_class_of_the_test(wasm_proxy):
    class Local(HttpContext):
        def on_http_request_headers(self, num_headers, end_of_stream):
            self.request_headers["x"] = double("a")
    assert wasm_proxy(Local).get("/").upstream_request.headers["x"] == "aa"

def test_a_trap(wasm_proxy):
    assert wasm_proxy(Auth).get("/", {"x-bad": "1"}).response.status == 503
"""


@pytest.mark.slow
def test_ipytest_cells_have_the_fixtures_and_the_filters_of_the_notebook(kernel):
    text = kernel(IPYTEST + '\ndef test_names(wasm_backend):\n    assert wasm_backend == "simulated"\n')
    assert "12 passed" in text, text
    assert "warning" not in text.lower(), text


@pytest.mark.slow
@pytest.mark.envoy
def test_ipytest_cells_run_on_the_real_envoy(kernel):
    text = kernel(
        '%%ipytest\nimport pytest\n@pytest.mark.wasm_backends("simulated", "envoy")\ndef test_it(wasm_proxy):\n'
        '    assert wasm_proxy(Auth).get("/").upstream_request.headers["x-said"] == "hihi!"\n'
    )
    assert "2 passed" in text, text


@pytest.mark.slow
def test_output_of_a_failing_test_names_the_cell_of_the_filter(kernel):
    text = kernel('%%ipytest\ndef test_it(wasm_proxy):\n    assert wasm_proxy(Auth).get("/").response.status == 201\n')
    assert "assert 200 == 201" in text
    assert re.search(r"<Filter 'Auth' from Cell In\[\d+\]>", text)
    assert kernel("gate.get('/').response.status").strip() == "401"


@pytest.mark.slow
def test_snapshots_of_ipytest_cells_persist_between_sessions(kernel):
    code = '%%ipytest {}\ndef test_it(wasm_proxy, wasm_snapshot):\n    wasm_snapshot(wasm_proxy(Auth).get("/"))\n'
    assert "1 passed" in kernel(code.format("--wasm-update"))
    assert kernel("import pathlib; sorted(map(str, pathlib.Path('__snapshots__').rglob('*.txt')))").strip() == (
        "['__snapshots__/notebook/test_it.txt']"
    )
    assert "1 passed" in kernel(code.format(""))
