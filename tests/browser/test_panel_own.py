"""Panels of the user's own proxies in JupyterLab: a chain, hostile names, a kernel shutdown."""

import json

import pytest

LOAD = "%load_ext wasmnb"

CHAIN = '''\
from wasmnb import Filter, Plugin, Proxy
tag = Filter.from_source("""
from wasmnb.sdk import HttpContext
class Tag(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        print(self.plugin.config, "saw", self.request_headers[":path"])
""", "tag")
other = Filter.from_source("""
from wasmnb.sdk import HttpContext
class Other(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        print("the other saw", self.request_headers[":path"])
""", "other")
chain = Proxy([Plugin(tag, name="one", config='"one"'), Plugin(tag, name="two", config='"two"'), other], workers=2)
for n in range(6): chain.get(f"/{n}")
'''

NASTY = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>\u202e\x1b[31m'\"&{}"
HOSTILE = f"""\
import json
from wasmnb import Filter, Plugin, Proxy, Response
nasty = {json.dumps(NASTY)}
source = '''
from wasmnb.sdk import Counter, HttpContext, PluginContext
counter = Counter(NASTY)
class Root(PluginContext):
    def on_plugin_start(self, size):
        setattr(self, NASTY, NASTY)
        return True
class Bad(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        counter.increment()
        setattr(self, NASTY, NASTY)
        self.shared_data[NASTY] = NASTY
        print(NASTY)
        self.request_headers["x-more"] = NASTY.encode("ascii", "replace").decode().replace(chr(27), "?")
        if self.request_headers.get("x-fail"):
            raise ValueError(NASTY)
'''.replace("NASTY", repr(nasty))
bad = Filter.from_source(source, nasty, filename=nasty)
proxy = Proxy([Plugin(bad, name=nasty, config=json.dumps(nasty)), Plugin(bad, name="plain")], workers=2,
              clusters={{nasty: Response(200)}}, upstream=Response(200, [("x-up", nasty.replace(chr(27), ""))], nasty.encode()))
proxy.request("POST", "/" + nasty, [("x-user", nasty.replace(chr(27), ""))], nasty)
proxy.get("/", {{"x-fail": "yes"}})
"""


@pytest.fixture
def own(open_cells):
    """A notebook whose last cell shows the panel of a proxy that earlier cells create."""

    def opener(*cells, **size):
        notebook = open_cells(LOAD, *cells, **{"width": 1400, "height": 1300, **size})
        notebook.panel = notebook.page.locator(".wasmnb-panel")
        notebook.panel.locator(".tabs").wait_for(timeout=20_000)
        return notebook

    return opener


def soon(notebook, text, place=".pane"):
    notebook.panel.locator(place).get_by_text(text).filter(visible=True).first.wait_for(timeout=15_000)
    return notebook.panel.locator(place).inner_text()


def view(notebook, name):
    notebook.panel.get_by_role("tab", name=name).click()


def test_plugin_of_a_chain_narrows_the_views_to_itself(own):
    notebook = own(CHAIN, "chain.panel()")
    assert "Not available here" not in notebook.panel.inner_text()
    view(notebook, "Log")
    soon(notebook, "two saw /5")
    notebook.panel.get_by_role("treeitem", name="two", exact=False).last.click()
    soon(notebook, "3 lines")
    assert "one saw" not in notebook.panel.locator(".pane").inner_text()
    view(notebook, "Latency")
    assert ", two" in soon(notebook, "worker-2, VM")
    view(notebook, "Module")
    soon(notebook, "Envoy can load this module")
    assert notebook.panel.locator(".pane option:checked").inner_text() == "2. two"
    notebook.panel.get_by_label("plugin whose module is shown").select_option("2")
    soon(notebook, "other")
    view(notebook, "Exchanges")
    notebook.panel.locator(".list .row:not(.top)").first.click()
    calls = notebook.panel.locator(".lower .call, .lower summary").all_inner_texts()
    assert sum("one  on_request_headers" in c or "one on_request_headers" in c for c in calls) == 1
    notebook.panel.get_by_role("button", name="controls", exact=True).click()
    assert "change and run that code" in soon(notebook, "Not available here", ".controls")
    assert notebook.panel.get_by_role("button", name="reset", exact=True).count() == 0
    assert not notebook.page.errors


def test_hostile_names_stay_text_in_every_view(own):
    notebook = own(HOSTILE, "proxy.panel()")
    page, panel = notebook.page, notebook.panel
    panel.get_by_role("button", name="more", exact=True).click()
    panel.get_by_role("button", name="controls", exact=True).click()
    panel.locator("[name=file]").set_input_files({"name": NASTY, "mimeType": "text/html", "buffer": NASTY.encode()})
    for place in range(panel.locator(".node").count()):
        panel.locator(".node").nth(place).dispatch_event("click")
    panel.get_by_role("button", name="show all").click()
    for name in ("Exchanges", "Timeline", "Latency", "State", "Log", "Module", "Start"):
        view(notebook, name)
        page.wait_for_timeout(400)
        bar = panel.locator(".pane .call").first
        if name == "Timeline":
            bar.dispatch_event("click")
            page.wait_for_timeout(300)
        assert panel.locator("img, script, iframe, a, style").count() == 0, name
        if name not in ("Timeline", "Latency"):
            soon(notebook, "onerror")
        text = panel.inner_text()
        assert "\x1b" not in text, name
        assert "\u202e" not in text, name
    view(notebook, "Exchanges")
    panel.locator(".list .row:not(.top)").last.click()
    panel.get_by_role("button", name="edit", exact=True).click()
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.hacked") is None
    assert not page.errors


def test_panel_notices_a_kernel_shutdown(own):
    notebook = own(CHAIN, "chain.panel()")
    notebook.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
    soon(notebook, "The kernel is gone", ".foot")
    assert "kernel gone" in notebook.panel.locator(".head").inner_text()
    assert notebook.panel.locator("form.send:not([hidden])").evaluate("form => form.inert")
    view(notebook, "Log")
    soon(notebook, "two saw /5")


def test_redraw_keeps_the_keyboard_focus(own):
    notebook = own(CHAIN, "chain.panel()")
    view(notebook, "Latency")
    box = notebook.panel.locator(".pane input[type=checkbox]")
    box.focus()
    notebook.page.keyboard.press("Space")
    assert box.is_checked()
    assert box.evaluate("box => box === document.activeElement")


def test_panel_header_shows_that_the_kernel_is_busy(own):
    notebook = own(CHAIN, "chain.panel()")
    notebook.page.evaluate(
        """() => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: 'import time; time.sleep(3)', store_history: false }); }"""
    )
    notebook.panel.get_by_role("button", name="Send", exact=True).click()
    soon(notebook, "kernel busy", ".head")
    soon(notebook, "#7: 200 (done)", ".foot")
    assert "busy" not in notebook.panel.locator(".head").inner_text()


def test_idle_kernel_without_a_reply_counts_as_gone(own):
    notebook = own(CHAIN, "chain.panel()")
    notebook.run_code("chain.panel()._inbox._perform = lambda name, values: None")  # like a kernel that doesn't know the panel
    view(notebook, "Log")
    soon(notebook, "The kernel is gone", ".foot")
    assert "busy" not in notebook.panel.locator(".head").inner_text()


SNIFF = '''\
from wasmnb import Filter, Proxy
sniff = Proxy(Filter.native("""
class Sniff(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        self.downstream_data = self.downstream_data.get().upper()
""", "sniff"), workers=2)
'''


def test_network_filter_has_a_form_for_bytes(own):
    notebook = own(SNIFF, "sniff.panel()")
    assert not notebook.panel.locator("input[name=path]").is_visible()
    data = notebook.panel.get_by_label("bytes over TCP", exact=True)
    data.fill(r"hello\r\n")
    data.press("Enter")
    soon(notebook, "#1: 7 bytes received (done)", ".foot")
    row = notebook.panel.locator(".list .row:not(.top)").first
    assert "done" in row.inner_text() and row.locator(".bad").count() == 0
    notebook.panel.get_by_role("button", name="send again", exact=True).click()
    soon(notebook, "#2: 7 bytes received (done)", ".foot")
    notebook.panel.get_by_role("button", name="edit", exact=True).click()
    notebook.page.wait_for_function("() => document.querySelector('.wasmnb-panel input[name=data]').value === 'hello\\\\r\\\\n'")


def test_form_offers_the_options_of_an_edited_request(own):
    notebook = own(CHAIN + "chain.get('/timed', timeout=0.5, http2=True)\n", "chain.panel()")
    panel = notebook.panel
    panel.locator(".list .row:not(.top)").first.click()
    panel.get_by_role("button", name="edit", exact=True).click()
    options = panel.get_by_label("timeout=0.5", exact=True)
    options.wait_for()
    assert options.is_checked() and panel.get_by_label("HTTP/2", exact=True).is_checked()
    options.uncheck()
    panel.get_by_role("button", name="Send", exact=True).click()
    soon(notebook, "#8: 200 (done)", ".foot")
    notebook.run_code("assert chain.exchanges[-1].options == {'http2': True}, chain.exchanges[-1].options")
    panel.locator(".list .row:not(.top)").last.click()
    panel.get_by_role("button", name="edit", exact=True).click()
    options.wait_for(state="hidden")
