"""Names that a client has chosen to be slow to read: many names, or names with the same hash."""

import json

import pytest

from tests.attack import flooding
from wasmnb import Filter, Proxy
from wasmnb.sdk.messages import bodies
from wasmnb.sdk.messages.bodies import NAMES, from_json
from wasmnb.sdk.messages.lookup import Lookup


def document(names):
    return json.dumps(dict.fromkeys(names, 1))


@pytest.mark.parametrize("form", [str, str.encode, lambda text: text.encode("utf-16"), lambda text: text.encode("utf-32-le")])
def test_json_with_too_many_names_is_refused_in_any_encoding(form):
    most = [f"name {i}" for i in range(NAMES)]
    assert len(from_json(form(document(most)))) == NAMES
    with pytest.raises(ValueError, match="more than 5,000 different names"):
        from_json(form(document([*most, "one more"])))


@pytest.mark.parametrize("name", ['":{}', '\\":{}', '{}":"', "\\\\{}", '\n"{}"\t:'])
def test_names_that_look_like_other_parts_of_json_are_counted(name):
    with pytest.raises(ValueError, match="more than 5,000"):
        from_json(document([name.format(i) for i in range(NAMES + 1)]))


def test_names_with_one_hash_are_refused_in_any_notation(monkeypatch):
    monkeypatch.setattr(bodies, "hash", len, raising=False)  # all names of one length collide
    text = document([f"n{i:03}" for i in range(300)])
    for spelled in (text, text.replace("n", "\\u006e"), text.replace('":', '" :')):
        with pytest.raises(ValueError, match="many names with the same hash"):
            from_json(spelled)
    assert len(from_json(document(["n" * i for i in range(300)]))) == 300


def test_many_objects_with_few_names_and_values_with_colons_are_read():
    data = json.dumps([{"a": "b:c", "d": '":"'}] * 10_000)
    assert len(from_json(data)) == 10_000


@pytest.mark.parametrize("data", ['{"a":1' + ":" * 6000, b'{"\xff":' + b":" * 6000])
def test_text_that_is_not_json_is_refused_as_before(data):
    with pytest.raises(ValueError):
        from_json(data)


def test_lookup_returns_the_same_as_a_linear_search():
    pairs = [("b", "1"), ("a", "2"), ("b", "3"), ("", "4"), ("a", "5")]
    lookup = Lookup(pairs)
    assert [lookup.first(name) for name in ("a", "b", "")] == ["2", "1", "4"]
    assert lookup.names() == ["b", "a", ""]
    for name in ("c", "aa", "B"):
        with pytest.raises(KeyError):
            lookup.first(name)


@pytest.mark.slow
def test_colliding_names_cost_many_times_more_unless_the_sdk_reads_them():
    few = flooding.measure(1_000)
    assert few["colliding", "json.loads"]["instructions"] > 20 * few["others", "json.loads"]["instructions"]
    assert few["colliding", "sdk"]["status"] == 400
    assert few["others", "sdk"]["status"] == 200
    assert few["colliding", "sdk"]["instructions"] < 2 * few["others", "sdk"]["instructions"]


LOOKUPS = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        parts = dict(self.request.query), dict(self.request.cookies), len(self.request.query), list(self.request.cookies)
        self.send_local_response(200, f"{len(parts[0])} {len(parts[1])} {parts[0]['a7']} {parts[1]['a8']}")
"""


@pytest.mark.slow
def test_dicts_of_many_parameters_and_cookies_take_a_fraction_of_the_deadline():
    names = [f"a{i}" for i in range(3_400)]
    with Proxy(Filter.from_source(LOOKUPS), workers=1, deadline=5) as proxy:
        path = "/?" + "&".join(f"{n}=1" for n in names)
        exchange = proxy.get(path, {"cookie": "; ".join(f"{n}=2" for n in names)})
        assert exchange.response.body == b"3400 3400 1 2"
