import json
import traceback

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb import Filter, Proxy
from wasmnb.sdk.diagnostics.tracebacks import format_exception

SOURCE = """\
import json

class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.parse(self.request_headers["x-json"])

    def parse(self, text):
        try:
            json.loads(text)
        except ValueError as error:
            raise RuntimeError("bad header") from error
"""


def test_traceback_has_only_the_cells_frames():
    proxy = FakeProxy(SOURCE, first_line=20)
    with pytest.raises(RuntimeError):
        proxy.exchange(headers={"x-json": "{"})
    ((level, text),) = proxy.logs
    assert level == 5
    assert 'File "<cell>", line 24, in on_http_request_headers\n    self.parse(self.request_headers["x-json"])' in text
    assert 'File "<cell>", line 30, in parse' in text
    assert "The above exception was the direct cause" in text and "JSONDecodeError" in text
    assert "wasmnb/sdk" not in text
    assert text.endswith("RuntimeError: bad header")


def test_error_inside_the_sdk_ends_at_the_cells_line():
    proxy = FakeProxy(SOURCE)
    with pytest.raises(KeyError):
        proxy.exchange()
    lines = proxy.logs[0][1].splitlines()
    assert lines[1] == '  File "<cell>", line 5, in on_http_request_headers'
    assert lines[-1] == "KeyError: 'x-json'" and len(lines) <= 5


def test_exception_is_logged_once_and_raised():
    proxy = FakeProxy(
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        raise SystemExit(3)"
    )
    with pytest.raises(SystemExit):
        proxy.exchange()
    assert [level for level, _ in proxy.logs] == [5]


def test_interrupt_by_the_user_is_not_logged():
    proxy = FakeProxy(
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        raise KeyboardInterrupt"
    )
    proxy.dispatcher.vm.errors.on_error = lambda _: None  # natively, where a user can press Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        proxy.exchange()
    assert proxy.logs == []


def test_keyboard_interrupt_in_wasm_is_logged():
    proxy = FakeProxy(
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        raise KeyboardInterrupt"
    )
    with pytest.raises(KeyboardInterrupt):
        proxy.exchange()
    assert [level for level, _ in proxy.logs] == [5]


def test_exception_groups_are_shown():
    proxy = FakeProxy(
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        raise ExceptionGroup('many', [ValueError('one')])"
    )
    with pytest.raises(ExceptionGroup):
        proxy.exchange()
    assert "ValueError: one" in proxy.logs[0][1] and "wasmnb/sdk" not in proxy.logs[0][1]


def test_endless_recursion_raises_recursion_error():
    proxy = FakeProxy(
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.on_http_request_headers(n, e)"
    )
    with pytest.raises(RecursionError):
        proxy.exchange()
    assert "RecursionError" in proxy.logs[0][1] and len(proxy.logs[0][1]) < 10_000


def test_hostile_exception_does_not_break_the_report():
    class Hostile(Exception):
        def __str__(self):
            raise RuntimeError("no")

    assert "Hostile" in format_exception(Hostile())


# -- local variables

LOCALS = """
import json

class Failing:
    def __repr__(self):
        raise RuntimeError

def parse(text, bad):
    many = [text] * 1000
    two_lines = "a\\nb"
    return json.loads(text)

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = "ann"
        try:
            parse(user, Failing())
        except ValueError as error:
            raise KeyError("no") from error
"""


def logged(source, on=True):
    proxy = FakeProxy(source)
    assert json.loads(proxy.dispatcher.introspect(json.dumps({"do": "locals", "on": on}).encode())) == {"done": None}
    with pytest.raises(Exception):  # noqa: B017 -- whatever the filter raises
        proxy.call("on_request_headers", proxy.create(), 0, 1)
    return proxy.logs[-1][1]


def test_local_variables_are_shown_on_request():
    text = logged(LOCALS)
    assert "    local user = 'ann'\n" in text
    assert "    local bad = <Failing: its repr raised RuntimeError>\n" in text
    assert "'ann', … 988 more]\n" in text
    assert "    local two_lines = 'a\\nb'\n" in text
    assert text.index("local text = 'ann'") < text.index("direct cause") < text.rindex("local num_headers = 0")
    of_json = text[text.index("json/decoder.py") : text.index("JSONDecodeError")]
    assert "local" not in of_json
    assert logged(LOCALS, on=False).count("local ") == 0


def test_local_variables_are_shown_in_exception_groups():
    text = logged("""
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        outer = 1
        def inner():
            deep = 2
            raise ValueError("a")
        try:
            inner()
        except ValueError as error:
            raise ExceptionGroup("many", [error])
""")
    assert "  |     local outer = 1\n" in text
    assert "    |     local deep = 2\n" in text


OWN = """\
class Refused(Exception):
    pass

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

class F(HttpContext):
    def on_http_request_headers(self, n, e):
        path = self.request_headers["x-case"]
        if path == "/mute":
            raise Mute
        if path == "/group":
            raise ExceptionGroup("both", [Refused("a"), Refused("b")])
        try:
            raise Refused("first")
        except Refused as error:
            raise Refused("then") from error
"""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", ["Refused: first", "Refused: then"]),
        ("/group", ["    | Refused: a", "    | Refused: b"]),
        ("/mute", ["Mute: <exception str() failed>"]),
    ],
)
def test_filters_exceptions_have_their_names_from_the_cell(path, said):
    proxy = FakeProxy(OWN)
    with pytest.raises(Exception):  # noqa: B017, PT011 -- of classes that only the filter knows
        proxy.exchange(headers={"x-case": path})
    ((_, text),) = proxy.logs
    assert set(said) <= set(text.splitlines())
    assert "wasmnb_filter" not in text


def other():
    return recursive()


def recursive(direct=False):
    return recursive(True) if direct else other()


@pytest.mark.parametrize("direct", [True, False])
def test_deep_recursion_is_printed_as_python_prints_it(direct):
    with pytest.raises(RecursionError) as caught:
        recursive(direct)
    assert format_exception(caught.value) == "".join(traceback.format_exception(caught.value)).rstrip("\n")


DEEP = """
def ping():
    return pong()

def pong():
    return ping()

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/deep":
            ping()
"""


@pytest.mark.full  # counts instructions, and a release module interprets the code that writes tracebacks
def test_traceback_of_a_thousand_frames_costs_less_than_a_thousand_lines():
    """Each of its two different lines is parsed once, for the carets."""
    with Proxy(Filter.from_source(DEEP), workers=1, fuel=True) as proxy:
        proxy.get("/")
        exchange = proxy.get("/deep")
    assert exchange.traceback.count("return pong()") > 400
    assert exchange.fuel.total < 300_000_000  # 810 million if each line is parsed
