"""The live panel in JupyterLab: views in step with the proxy, sending, editing, hostile text, speed."""


import pytest

FILTER = """\
%%wasmfilter demo --workers 3 --config '{"greeting": "hi"}'
from wasmnb.sdk import HttpContext

class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user", "nobody")
        if user == "boom":
            raise ValueError("broken")
        if user == "mallory":
            return self.send_local_response(403, "no")
        self.request_headers["x-greeting"] = f"{self.plugin.config['greeting']} {user}"
        self.shared_data["last"] = user
        print("saw", user)
"""


@pytest.fixture
def panel(open_cells):
    """A notebook whose second cell shows the panel of `demo`."""
    notebook = open_cells("%load_ext wasmnb", FILTER, "", width=1400, height=1100)
    notebook.page.locator(".wasmnb-panel .tabs").wait_for(timeout=20_000)
    notebook.panel = notebook.page.locator(".wasmnb-panel")
    yield notebook
    assert not notebook.page.errors


def send(notebook, path, headers="", body=""):
    page, panel = notebook.page, notebook.panel
    if headers or body:
        if not panel.locator("[name=headers]").is_visible():
            panel.get_by_role("button", name="more", exact=True).click()
        panel.locator("[name=headers]").fill(headers)
        panel.locator("[name=text]").fill(body)
    panel.locator("[name=path]").fill(path)
    before = panel.locator(".foot").inner_text()
    panel.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_function(
        """before => {
            const foot = document.querySelector('.wasmnb-panel .foot');
            return foot.innerText !== before && !foot.querySelector('.busy');
        }""",
        arg=before, timeout=20_000,
    )  # fmt: skip


def view(notebook, name):
    notebook.panel.get_by_role("tab", name=name).click()
    return notebook.panel.locator(".pane")


def test_request_sent_from_the_panel_shows_in_every_view(panel):
    send(panel, "/pay?x=1", "x-user: ann\ncookie: a=b")
    text = view(panel, "Exchanges").inner_text()
    assert "/pay?x=1" in text
    assert "hi ann" in text
    assert "replace_header_map_value" in text
    assert "saw ann" in _soon(panel, "Log", "saw ann")
    assert "on_request_headers" in _soon(panel, "Latency", "on_request_headers")
    assert "last" in _soon(panel, "State", "last")
    assert "0.2.1" in _soon(panel, "Module", "0.2.1")
    view(panel, "Timeline")
    bar = panel.panel.locator(".pane .call").last
    bar.wait_for(timeout=5_000)
    bar.click()
    assert "worker-1" in panel.panel.locator(".pane").inner_text()


def _soon(notebook, name, text):
    pane = view(notebook, name)
    notebook.page.wait_for_function(
        "wanted => document.querySelector('.wasmnb-panel .pane').innerText.includes(wanted)", arg=text, timeout=10_000
    )
    return pane.inner_text()


def test_pasted_curl_command_is_sent(panel):
    panel.panel.get_by_role("button", name="more", exact=True).click()
    panel.panel.locator("[name=curl]").fill("curl -X PUT 'http://api.test/z' -H 'x-user: bob' -d k=v")
    panel.panel.get_by_role("button", name="Send it").click()
    panel.page.wait_for_function("() => document.querySelector('.wasmnb-panel .pane').innerText.includes('hi bob')")
    assert "PUT" in panel.panel.locator(".pane").inner_text()
    panel.panel.locator("[name=curl]").fill("curl --frobnicate")
    panel.panel.get_by_role("button", name="Send it").click()
    panel.page.wait_for_function("() => document.querySelector('.wasmnb-panel .foot').innerText.includes('frobnicate')")


def test_traffic_from_a_cell_updates_the_panel(panel):
    panel.run_code("for n in range(30): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    panel.page.wait_for_function(
        "() => document.querySelector('.wasmnb-panel .head').innerText.includes('30 exchanges')"
    )
    assert "/item/29" in panel.panel.locator(".pane").inner_text()


def test_selecting_a_worker_narrows_the_other_views(panel):
    panel.run_code("for n in range(9): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel .row.exchange').length === 10")
    panel.panel.locator(".node", has_text="worker-2").first.click()
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel .row.exchange').length === 4")
    assert "worker-1" not in panel.panel.locator(".list").inner_text()
    assert "only worker-2" in panel.panel.locator(".tabs").inner_text()
    panel.panel.get_by_role("button", name="show all").click()
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel .row.exchange').length === 10")


def test_rerun_cell_keeps_the_panel_and_repeats_the_request(panel):
    send(panel, "/edit", "x-user: ann")
    panel.page.evaluate(
        """text => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.widgets[1].model.sharedModel.setSource(text);
            notebook.activeCellIndex = 1;
        }""",
        FILTER.replace('"hi"', '"welcome"'),
    )
    panel.command("notebook:run-cell")
    panel.page.wait_for_function(
        "() => { const p = document.querySelector('.wasmnb-panel .pane'); return p && p.innerText.includes('welcome ann'); }",
        timeout=20_000,
    )
    text = panel.panel.locator(".pane").inner_text()
    assert "was hi ann" in text
    assert "x-greeting: hi ann → welcome ann" in text
    assert "v1 1" in text
    assert panel.panel.count() == 1


def test_failures_are_shown_with_lines_of_the_cell(panel):
    send(panel, "/", "x-user: boom")
    text = panel.panel.locator(".pane").inner_text()
    assert 'raise ValueError("broken")' in text
    assert "503" in text
    assert "failed" in panel.panel.locator(".side").inner_text()


def test_hostile_text_stays_text(panel):
    nasty = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    panel.run_code(
        f"demo.request('GET', {('/' + nasty)!r}, [({nasty!r}, {nasty!r}), ('x-user', {nasty!r})], {nasty!r})"
    )
    panel.page.wait_for_function("() => document.querySelector('.wasmnb-panel .head').innerText.includes('1 exchange')")
    for name in ("Exchanges", "Log", "State", "Timeline", "Latency"):
        view(panel, name)
        panel.page.wait_for_timeout(200)
        assert panel.page.evaluate("() => window.hacked") is None
        assert panel.panel.locator("img, script").count() == 0
    assert "<script>" in view(panel, "Exchanges").inner_text()


def test_controls_change_time_upstream_and_workers(panel):
    panel.panel.get_by_role("button", name="controls", exact=True).click()
    panel.panel.locator("[name=seconds]").fill("5")
    panel.panel.get_by_role("button", name="advance", exact=True).click()
    panel.page.wait_for_function(
        "() => document.querySelector('.wasmnb-panel .head').innerText.includes('virtual time 5.')"
    )
    panel.panel.get_by_role("button", name="fail the upstream").click()
    panel.page.wait_for_function(
        "() => document.querySelector('.wasmnb-panel .head').innerText.includes('the upstream is down')"
    )
    send(panel, "/down")
    assert "503" in panel.panel.locator(".list").inner_text()
    panel.panel.locator("[name=workers]").fill("5")
    panel.panel.get_by_role("button", name="restart with these").click()
    panel.page.wait_for_function("() => document.querySelector('.wasmnb-panel .side').innerText.includes('worker-5')")


def test_panel_works_with_the_keyboard(panel):
    panel.run_code("for n in range(5): demo.get(f'/item/{n}', {'x-user': 'ann'})")
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel .row.exchange').length === 6")
    tab = panel.panel.get_by_role("tab", name="Exchanges")
    tab.focus()
    panel.page.keyboard.press("ArrowRight")
    assert panel.panel.get_by_role("tab", name="Timeline").get_attribute("aria-selected") == "true"
    panel.page.keyboard.press("ArrowLeft")
    panel.panel.locator(".list").focus()
    panel.page.keyboard.press("ArrowDown")
    panel.page.wait_for_function("() => document.querySelector('.wasmnb-panel .pane h4').innerText.includes('/item/')")
    panel.panel.locator(".node").first.focus()
    panel.page.keyboard.press("ArrowLeft")
    assert panel.panel.locator(".node").first.get_attribute("aria-expanded") == "false"


def test_ten_thousand_exchanges_scroll(panel):
    panel.run_code("for n in range(10_000): demo.get('/many', {'x-user': 'ann'})")
    panel.page.wait_for_function(
        "() => document.querySelector('.wasmnb-panel .head').innerText.includes('10,000 exchanges')", timeout=60_000
    )
    # A new view of the panel, from the command to the drawing.
    panel.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2; }")
    panel.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[2].model.sharedModel.setSource('demo.panel()')"
    )
    panel.command("notebook:run-cell")
    panel.page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel').length === 2", timeout=20_000)
    panel.page.wait_for_function(
        "() => document.querySelectorAll('.wasmnb-panel')[1].querySelectorAll('.row.exchange').length > 5"
    )
    second = panel.panel.nth(1)
    second.evaluate(
        """async panel => {
            const row = panel.querySelectorAll('.row.exchange')[4];
            const path = row.children[0].innerText;
            row.click();
            while (!panel.querySelector('.pane h4')?.innerText.includes('#' + path)) await new Promise(requestAnimationFrame);
        }"""
    )
    assert second.locator(".row.exchange").count() < 200  # only the visible part of the list is drawn


def test_every_view_is_captured(panel):
    panel.run_code(
        "import random; r = random.Random(1)\n"
        "for n in range(120): demo.request(r.choice(['GET', 'POST']), f'/item/{n}', "
        "{'x-user': r.choice(['ann', 'bob', 'mallory'])}, b'{\"n\": 1}' if n % 2 else b'')",
    )
    panel.run_code("demo.get('/pay?amount=3', {'x-user': 'ann', 'cookie': 'session=1'})")
    panel.panel.locator(".list .row.exchange:not(.top)").first.click()
    for dark in (False, True):
        panel.theme(dark)
        for name in ("Exchanges", "Timeline", "Latency", "State", "Log", "Module"):
            view(panel, name)
            panel.page.wait_for_timeout(400)
            assert panel.panel.locator("[role=tab][aria-selected=true]").inner_text() == name
            assert panel.panel.locator(".pane").inner_text().strip(), f"{name} is empty"
            panel.shoot(f"panel-{name.lower()}-{'dark' if dark else 'light'}", 2)
    assert not panel.page.errors
