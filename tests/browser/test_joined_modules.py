"""Joined modules compared with the modules that they are made from: the panel, and modules that are difficult to join."""

from pathlib import Path

import pytest

import wasmnb.view.panel
from wasmnb import Filter, Proxy
from wasmnb.view.panel import panel_of
from wasmnb.view.panel.widget import read_script

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
            body = {"": "<!doctype html>", "panel.joined.js": read_script()}.get(name)
            kind = "text/javascript" if name else "text/html"
            route.fulfill(body=(JS / name).read_text("utf-8") if body is None else body, content_type=kind)

        page.route(f"{ORIGIN}/**", answer)
        page.goto(f"{ORIGIN}/")
        result = page.evaluate(RENDER, [f"{ORIGIN}/{path}", values])
        assert page.errors == []
        return result

    return renderer


def test_joined_panel_draws_and_sends_the_same_as_its_modules(render):
    modules, joined = render("index.js"), render("panel.joined.js")
    assert joined == modules
    assert [message["action"] for message in modules["sent"]][-2:] == ["narrow", "send"]
    assert all(text in "".join(modules["pages"]) for text in ("broken", "x-greeting", "saw a request", "memory at start"))


# Each module adds to `log`, so that the order of evaluation is compared too.
HOSTILE = {
    "main.js": """\
/* import { nothing } from "./absent.js";
export const commented = 1;
*/
import first, { second as renamed, third, third as again } from "./names.js"; // export default 0
import * as space from "./forwarded.js";
import fallback, * as names from "./names.js";
import "./effect.js";
import { "a-b" as dashed, __proto__ as proto, later, Class } from "./forwarded.js"
import shout from "./anonymous.js";
import Nameless, { generate } from "./nameless.js"
const module0 = "mine", $default = "mine too", log = globalThis.log
log.push("main")
const template = `
export const y = ${`nested
import x from "./y.js";
${[1, 2].map((n) => `export default ${n}`)}`}
import "./effect.js";
`
const pattern = /export default `/.test("export default `")
const string = "export { a as b }; // `" + 'import "./x.js"'
export default {
  first, renamed, third, again, fallback, dashed, proto, template, pattern, string, module0, $default,
  space: Object.keys(space).sort(), names: Object.keys(names).sort(), later: later(), number: new Class().number,
  shout: shout("x"), nameless: new Nameless().value, generated: [...generate()], log,
  frozen: Object.isFrozen(names), noPrototype: Object.getPrototypeOf(space) === null, import: { export: 1 }.export
}
export const unused = `export default`, { p, q: [r, ...s] = [1], ...t } = { p: 1, q: [1, 2, 3], z: 4 }
""",
    "names.js": """\
globalThis.log.push("names")
const LIMIT = 1, second = LIMIT + 1
export { LIMIT as default, second }
;[0].forEach(() => globalThis.log.push("after an export"))
export const third = 3
export { third as "a-b", second as __proto__ };
""",
    "forwarded.js": """\
export * from "./names.js";
export { default as renamedDefault } from "./names.js"
export * as everything from "./names.js";
import { second } from "./names.js";
const LIMIT = "other";
export { second, later, LIMIT as limit };
function later() { return `${LIMIT} ${helper()}`; }
/** Documented. */ export /* kept */ class Class { number = 7; }
export async function helper2() {}
function helper() { return "helper"; }
globalThis.log.push("forwarded")
""",
    "effect.js": """\
globalThis.log.push("effect")
import "./deeper/effect.js";
(function () { globalThis.log.push("called") })()
""",
    "deeper/effect.js": 'import { third } from "../names.js";\nglobalThis.log.push(`deeper ${third}`);\n// no newline at the end',
    "anonymous.js": "export default function (text) {\n  return text.toUpperCase()\n};\n(globalThis.log).push('anonymous')\n",
    "nameless.js": "export default class { value = 5 }\nexport function* generate() { yield* [1, 2] }\n",
}


@pytest.mark.parametrize("joined", [False, True], ids=["modules", "joined"])
def test_difficult_modules_have_the_same_result_when_they_are_joined(new_page, tmp_path, joined):
    from panel_build.join import join  # the parser is slow to load

    for name, text in HOSTILE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    page = new_page()
    served = {"": "<!doctype html>", **HOSTILE} if not joined else {"": "<!doctype html>", "main.js": join(tmp_path / "main.js")}

    def answer(route):
        name = route.request.url.removeprefix(f"{ORIGIN}/")
        route.fulfill(body=served[name], content_type="text/javascript" if name else "text/html")

    page.route(f"{ORIGIN}/**", answer)
    page.goto(f"{ORIGIN}/")
    result = page.evaluate("async (source) => { globalThis.log = []; return (await import(source)).default; }", f"{ORIGIN}/main.js")
    assert page.errors == []
    assert result.pop("template").count("export default") == 2
    assert result == {
        "first": 1, "renamed": 2, "third": 3, "again": 3, "fallback": 1, "dashed": 3, "proto": 2, "pattern": True,
        "string": "export { a as b }; // `import \"./x.js\"", "module0": "mine", "$default": "mine too",
        "space": ["Class", "__proto__", "a-b", "everything", "helper2", "later", "limit", "renamedDefault", "second", "third"],
        "names": ["__proto__", "a-b", "default", "second", "third"], "later": "other helper", "number": 7, "shout": "X",
        "nameless": 5, "generated": [1, 2], "frozen": joined, "noPrototype": True, "import": 1,
        "log": ["names", "after an export", "forwarded", "deeper 3", "effect", "called", "anonymous", "main"],
    }  # fmt: skip
