"""Work with the live panel in JupyterLab: bodies, chunks, controls, faults, tools of every view, a dead kernel."""


import pytest

FILTER = """\
%%wasmfilter demo --workers 3 --config '{"greeting": "hi"}'
from wasmnb.sdk import Action, HttpContext, PluginContext

class Root(PluginContext):
    def on_plugin_start(self, size):
        self.seen = 0
        self.set_tick_period(3600)
        return True

    def on_tick(self):
        print("tick tock")

class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.plugin.seen += 1
        user = self.request_headers.get("x-user", "nobody")
        while user == "endless":
            user = self.request_headers.get("x-user", "nobody")
        if user == "boom":
            raise ValueError("broken")
        if user == "slow":
            self.http_call("auth", path="/check", callback=self.checked)
            return Action.PAUSE
        self.request_headers["x-greeting"] = f"{self.plugin.config['greeting']} {user}"
        print("saw", user)

    def on_http_request_body(self, size, end_of_stream):
        if b"old" in bytes(self.request_body):
            self.request_body = bytes(self.request_body).replace(b"old", b"new")
        return Action.CONTINUE if end_of_stream else Action.PAUSE

    def checked(self, response):
        self.continue_request()
"""

AUTH = "from wasmnb import Response\ndemo.clusters['auth'] = type(demo.clusters['upstream'])(Response(200, latency=2.0), name='auth')"


@pytest.fixture
def panel(open_cells):
    notebook = open_cells("%load_ext wasmnb", FILTER, AUTH, width=1400, height=1200)
    notebook.panel = notebook.page.locator(".wasmnb-panel")
    notebook.panel.locator(".tabs").wait_for(timeout=20_000)
    yield notebook
    assert not notebook.page.errors


def soon(notebook, text, place=".pane", seconds=15):
    """Wait for a text somewhere in the panel."""
    notebook.page.wait_for_function(
        "([place, text]) => document.querySelector(`.wasmnb-panel ${place}`)?.innerText.includes(text)",
        arg=[place, text], timeout=1000 * seconds,
    )  # fmt: skip
    return notebook.panel.locator(place).inner_text()


def press(notebook, name, inside=""):
    place = notebook.panel.locator(inside) if inside else notebook.panel
    place.get_by_role("button", name=name, exact=True).click()


def view(notebook, name):
    notebook.panel.get_by_role("tab", name=name).click()


def send(notebook, path="/", headers="", worker=None):
    """Send a request with the form, and wait for the notice."""
    if not notebook.panel.locator("[name=headers]").is_visible():
        press(notebook, "more")
    notebook.panel.locator("[name=headers]").fill(headers)
    notebook.panel.locator("[name=path]").fill(path)
    notebook.panel.locator("[name=worker]").select_option("" if worker is None else str(worker))
    before = notebook.panel.locator(".foot").inner_text()
    press(notebook, "Send")
    notebook.page.wait_for_function(
        "before => { const t = document.querySelector('.wasmnb-panel .foot').innerText; return t !== before && /^#\\d/.test(t); }",
        arg=before, timeout=20_000,
    )  # fmt: skip


def test_file_is_sent_in_chunks_with_trailers(panel, tmp_path):
    file = tmp_path / "order.json"
    file.write_bytes(b'{"old": 1}')
    press(panel, "more")
    panel.panel.locator("[name=method]").fill("POST")
    panel.panel.locator("[name=file]").set_input_files(file)
    panel.panel.locator("[name=trailers]").fill("x-sum: 7")
    panel.panel.locator("[name=chunking]").select_option("size")
    panel.panel.locator("[name=step]").fill("4")
    assert "3 chunks" in panel.panel.locator(".more").first.inner_text()
    send(panel, "/file")
    text = soon(panel, "trailer x-sum")
    assert "in 3 chunks: 4 + 4 + 2" in text
    assert "changed" in text
    body = panel.panel.locator("details", has_text="upstream got")
    assert '-   "old": 1\n' in body.inner_text()
    assert '+   "new": 1' in body.inner_text()
    body.get_by_role("button", name="hex").click()
    assert "7b 22 6e 65 77" in body.inner_text()  # {"new
    body.get_by_role("button", name="text").click()
    assert '{"new": 1}' in body.inner_text()


def test_request_with_line_chunks_is_edited_and_sent_again(panel):
    press(panel, "more")
    panel.panel.locator("[name=method]").fill("PUT")
    panel.panel.locator("[name=text]").fill("one\ntwo\n")
    panel.panel.locator("[name=chunking]").select_option("lines")
    panel.panel.locator("[name=http2]").check()
    panel.panel.locator("[name=authority]").fill("api.test")
    send(panel, "/first", "x-user: ann")
    assert "in 2 chunks: 4 + 4" in soon(panel, "api.test")
    panel.panel.locator("[name=path]").fill("/else")
    press(panel, "edit", ".title")
    panel.page.wait_for_function("() => document.querySelector('.wasmnb-panel [name=path]').value === '/first'")
    assert panel.panel.locator("[name=headers]").input_value() == "x-user: ann"
    assert panel.panel.locator("[name=text]").input_value() == "one\ntwo\n"
    send(panel, "/second", "x-user: bob")
    soon(panel, "/second", ".title")
    assert "hi bob" in soon(panel, "hi bob", ".lower")


def test_controls_show_their_effects(panel):
    press(panel, "controls")
    press(panel, "tick now")
    soon(panel, "on_tick ran in 4 plugin contexts", ".foot")
    view(panel, "Log")
    assert soon(panel, "tick tock").count("tick tock") == 4
    panel.panel.locator("[name=config-0]").fill('{"greeting": "welcome"}')
    press(panel, "replace while running")
    soon(panel, "the new configuration is active", ".foot")
    send(panel, "/configured", "x-user: ann")
    view(panel, "Exchanges")
    soon(panel, "welcome ann")
    press(panel, "fail auth")
    soon(panel, "auth is down", ".head")
    panel.panel.locator("[name=victim]").select_option("2")
    panel.panel.locator("[name=callback]").select_option("on_request_headers")
    press(panel, "inject a trap")
    soon(panel, "on worker-2 will trap", ".foot")
    send(panel, "/spared", worker=1)
    soon(panel, "200", ".title")
    send(panel, "/trapped", worker=2)
    text = soon(panel, "/trapped", ".lower")
    assert "503" in text
    assert "proxy_on_request_headers failed on context" in text
    soon(panel, "failed", ".contexts")
    panel.panel.locator("[name=workers]").fill("2")
    press(panel, "reset")
    soon(panel, "0 exchanges", ".head")
    assert "No exchanges yet" in soon(panel, "No exchanges")
    assert "worker-3" not in panel.panel.locator(".contexts").inner_text()


def test_paused_stream_shows_the_reason_and_narrows_every_view(panel):
    panel.run_code("for n in range(6): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    panel.run_code("demo.get('/held', {'x-user': 'slow'}, wait=0.5, worker=2)")
    soon(panel, "request paused", ".contexts")
    node = panel.panel.locator(".node", has_text="request paused")
    node.click()
    facts = soon(panel, "paused", ".node-facts")
    assert "request paused by demo" in facts
    assert "GET /held" in facts
    rows = panel.panel.locator(".list .row:not(.top)")
    assert rows.count() == 1
    rows.first.click()
    text = soon(panel, "holds the request")
    assert "waits for call" in text
    assert "http to auth/check" in text
    panel.panel.locator(".node", has_text="1 pending call").click()
    assert "http to auth/check" in soon(panel, "tick period", ".node-facts")
    press(panel, "show all", ".node-facts")
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel .list .row:not(.top)').length === 7")
    press(panel, "controls")
    panel.panel.locator("[name=seconds]").fill("3")
    press(panel, "advance")
    soon(panel, "virtual time 3.", ".head")
    panel.page.wait_for_function(
        "() => !document.querySelector('.wasmnb-panel .contexts').innerText.includes('request paused')"
    )
    view(panel, "Timeline")
    panel.panel.locator(".picture .span").first.wait_for(timeout=5_000)
    panel.panel.locator(".picture .callout").first.dispatch_event("click")
    assert "callout" in soon(panel, "http to auth/check: answered", ".info")


def test_timeline_shows_decoded_arguments_and_zooms_into_an_exchange(panel):
    panel.run_code("for n in range(40): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    view(panel, "Exchanges")
    panel.panel.locator(".row", has_text="/item/39").first.click()
    soon(panel, "/item/39", ".title")
    press(panel, "on the timeline")
    soon(panel, "around #40")
    bar = panel.panel.locator(".picture .call[aria-label^='on_request_headers']").first
    bar.dispatch_event("click")  # zoomed in, it is larger than the chart
    text = soon(panel, "get_header_map_value(", ".info")
    assert '"x-user"' in text
    assert "VM" in text
    panel.panel.locator(".picture").focus()
    before = panel.panel.locator(".picture svg").inner_html()
    panel.page.keyboard.press("-")
    assert panel.panel.locator(".picture svg").inner_html() != before
    press(panel, "newest events")
    panel.page.wait_for_function("() => !document.querySelector('.wasmnb-panel .pane').innerText.includes('around #')")


def test_state_log_and_latency_have_tools(panel):
    panel.run_code("for n in range(30): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    panel.run_code("demo.get('/', {'x-user': 'ann'}, worker=1); demo.get('/fails', {'x-user': 'boom'}, worker=3)")
    view(panel, "State")
    text = soon(panel, "differs between workers")
    assert "≠" in text
    assert "11" in panel.panel.locator("tr", has_text="seen").inner_text()
    view(panel, "Log")
    soon(panel, "saw ann")
    panel.panel.get_by_label("lowest level").select_option("critical")
    panel.page.wait_for_function("() => !document.querySelector('.wasmnb-panel .pane').innerText.includes('saw ann')")
    assert 'raise ValueError("broken")' in soon(panel, "ValueError: broken")
    panel.panel.locator("table.log pre", has_text="ValueError").first.click()
    soon(panel, "GET /fails", ".title")
    view(panel, "Latency")
    assert "requests by worker" in soon(panel, "worker-3")
    press(panel, "store as baseline")
    soon(panel, "outlined: baseline")
    panel.panel.get_by_label("latencies to compare with").select_option("worker-1")
    soon(panel, "outlined: worker-1")
    figures = panel.panel.locator(".pane table").first.inner_text()
    panel.panel.locator(".pane label.check input").check()
    assert panel.panel.locator(".pane table").first.inner_text() != figures
    press(panel, "worker-3", ".pane")
    soon(panel, "only worker-3", ".tabs")
    assert panel.panel.locator(".pane .filters b").inner_text() == "worker-3"


def test_list_can_be_searched_and_sorted(panel):
    panel.run_code("for n in range(30): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    soon(panel, "/item/29")
    panel.panel.get_by_label("search the exchanges").fill("item/2")
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel .list .row:not(.top)').length === 11")
    press(panel, "path", ".list")
    first = panel.panel.locator(".list .row:not(.top)").first
    assert "/item/2" in first.inner_text().splitlines()


def test_interrupt_stops_an_action_of_the_panel(panel):
    press(panel, "more")
    panel.panel.locator("[name=headers]").fill("x-user: endless")
    press(panel, "Send")
    soon(panel, "kernel is busy", ".foot")
    panel.command("notebook:interrupt-kernel")
    soon(panel, "interrupted", ".foot")
    send(panel, "/after", worker=3)
    soon(panel, "/after", ".title")


def test_busy_kernel_is_shown_until_the_action_runs(panel):
    panel.run_code("for n in range(5): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    soon(panel, "/item/4")
    panel.page.evaluate(
        """() => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: 'import time; time.sleep(3)', store_history: false }); }"""
    )
    panel.panel.locator(".list .row", has_text="/item/1").click()
    soon(panel, "The kernel is busy", ".foot")
    soon(panel, "/item/1", ".title")
    panel.page.wait_for_function("() => !document.querySelector('.wasmnb-panel .busy')")


def test_actions_during_traffic_are_done_without_disturbing_it(panel):
    panel.run_code("for n in range(5): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    soon(panel, "/item/4", ".title")
    panel.page.evaluate(
        """() => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({
            code: 'import time; end = time.monotonic() + 8\\nwhile time.monotonic() < end: demo.get("/traffic"); time.sleep(0.01)',
            store_history: false }); }"""
    )
    soon(panel, "/traffic", ".list")
    panel.panel.get_by_label("search the exchanges").fill("item/1")
    panel.panel.locator(".list .row:not(.top)").first.click()
    soon(panel, "/item/1", ".title", 20)
    send(panel, "/waits-its-turn")
    soon(panel, "/waits-its-turn", ".title")


def test_panel_without_a_kernel_keeps_the_last_state(panel):
    panel.run_code("for n in range(5): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    soon(panel, "/item/4", ".title")
    panel.page.wait_for_timeout(1500)  # hidden views are drawn when the kernel is idle
    panel.page.evaluate(
        """() => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: 'import os; os._exit(1)', store_history: false }); }"""
    )
    soon(panel, "The kernel is gone", ".foot", 30)
    panel.page.keyboard.press("Escape")  # JupyterLab's dialog
    panel.page.locator(".jp-Dialog").wait_for(state="detached")
    panel.page.errors[:] = [error for error in panel.page.errors if "Canceled" not in error]  # from a request of JupyterLab
    soon(panel, "kernel gone", ".head")
    for name, text in (
        ("Latency", "on_request_headers"),
        ("Log", "saw ann"),
        ("State", "metrics"),
        ("Exchanges", "/item/3"),
    ):
        view(panel, name)
        assert text in soon(panel, text)
    view(panel, "Timeline")
    panel.panel.locator(".picture .call").first.dispatch_event("click")
    soon(panel, "on_", ".info")
    panel.panel.locator(".contexts .node", has_text="worker-2").click()
    soon(panel, "only worker-2", ".tabs")


def test_panel_stays_usable_with_large_content(panel):
    panel.run_code(
        "from wasmnb import Filter, Proxy\n"
        "loud = Filter.from_source('from wasmnb.sdk import HttpContext\\nclass Loud(HttpContext):\\n'\n"
        "  '    def on_http_request_headers(self, n, eos):\\n'\n"
        "  '        for i in range(int(self.request_headers.get(\"x-lines\", \"0\"))): print(i)\\n', 'loud')\n"
        "big = Proxy(loud, workers=64, deadline=60)\n"
        "for n in range(640): big.get(f'/{n}')\n"
        "big.get('/loud', {'x-lines': '100000'})\n"
        "big.request('POST', '/fifty', {'x-long': 'v' * 65536}, b'x' * (50 << 20))"
    )
    panel.page.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 2;
            notebook.widgets[2].model.sharedModel.setSource('big.panel()');
        }"""
    )
    panel.command("notebook:run-cell")
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel').length === 2", timeout=30_000)
    second = panel.panel.nth(1)
    soon_in = lambda text: second.locator(".pane", has_text=text).wait_for(timeout=30_000)  # noqa: E731
    second.locator(".row", has_text="/fifty").first.click()
    soon_in("52.4 MB")
    assert "more)" in second.locator(".lower").inner_text()
    second.locator(".row", has_text="/loud").first.click()
    soon_in("and more events")
    second.get_by_role("tab", name="Log").click()
    soon_in("the newest")
    second.get_by_role("tab", name="Timeline").click()
    soon_in("older events are not shown")
    second.get_by_role("tab", name="Latency").click()
    soon_in("worker-64")
    second.get_by_role("tab", name="State").click()
    soon_in("56 more workers")
    assert second.locator(".node", has_text="worker-64").count() == 1
