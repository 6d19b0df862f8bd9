"""The bundle of the widget compared with its modules."""

from pathlib import Path

import pytest

import wasmnb.view.panel
from wasmnb import Filter, Proxy
from wasmnb.view.panel import panel_of
from wasmnb.view.panel.bundle import bundle

JS = Path(wasmnb.view.panel.__file__).parent / "js"
ORIGIN = "http://panel.test"

SOURCE = """\
from wasmnb.sdk import HttpContext


class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-user") == "boom":
            raise ValueError("broken")
        self.request_headers["x-greeting"] = "hello"
        print("saw a request")
"""

# A model like that of a widget, and the HTML of a panel with each view in turn.
RENDER = """async ([source, traits]) => {
    const { default: widget } = await import(source);
    let state = 7;
    Math.random = () => (state = (state * 16807) % 2147483647) / 2147483647;
    const sent = [];
    const model = {
        get: (name) => structuredClone(traits[name]), set: (name, value) => { traits[name] = value; },
        on() {}, off() {}, send: (message) => sent.push(message),
    };
    const root = document.createElement("div");
    document.body.replaceChildren(root);
    const stop = widget.render({ model, el: root });
    const pages = [root.outerHTML];
    for (const tab of [...root.querySelectorAll("[role=tab]")].map((node) => node.textContent)) {
        [...root.querySelectorAll("[role=tab]")].find((node) => node.textContent === tab).click();
        pages.push(root.outerHTML);
    }
    [...root.querySelectorAll(".node")].at(-1).click();
    pages.push(root.outerHTML);
    root.querySelector("form.send").requestSubmit();
    stop();
    return { pages, sent };
}"""


@pytest.fixture(scope="module")
def traits():
    with Proxy(Filter.from_source(SOURCE, "demo"), workers=2, guest_time=0.0001) as proxy:
        panel = panel_of(proxy)
        for user in ("ann", "boom"):
            proxy.request("POST", "/pay", {"x-user": user}, b'{"amount": 3}')
        for view in ("Module", "State", "Exchanges"):
            panel.perform("look", {"view": view, "fresh": True})
        panel.refresh(everything=True)
        return {name: getattr(panel.widget, name) for name in panel.widget.trait_names(sync=True) if not name.startswith("_")}


@pytest.fixture
def render(new_page, traits):
    """Render the panel from one module; the page has the modules under `ORIGIN`."""
    values = {name: value for name, value in traits.items() if isinstance(value, dict | int | None)}

    def renderer(path):
        page = new_page()

        def answer(route):
            name = route.request.url.removeprefix(f"{ORIGIN}/")
            body = {"": "<!doctype html>", "bundle.js": bundle(JS / "index.js")}.get(name)
            kind = "text/javascript" if name else "text/html"
            route.fulfill(body=(JS / name).read_text("utf-8") if body is None else body, content_type=kind)

        page.route(f"{ORIGIN}/**", answer)
        page.goto(f"{ORIGIN}/")
        result = page.evaluate(RENDER, [f"{ORIGIN}/{path}", values])
        assert page.errors == []
        return result

    return renderer


def test_bundle_draws_and_sends_the_same_as_the_modules(render):
    modules, bundled = render("index.js"), render("bundle.js")
    assert bundled == modules
    assert [message["action"] for message in modules["sent"]][-2:] == ["narrow", "send"]
    assert all(text in "".join(modules["pages"]) for text in ("broken", "x-greeting", "saw a request", "memory at start"))
