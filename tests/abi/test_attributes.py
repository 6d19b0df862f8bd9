"""The table of attributes agrees with Envoy: every name was recorded in every callback."""

import re

import pytest

from tests.conformance import record
from wasmnb import Filter, Proxy
from wasmnb.abi import ATTRIBUTES, CALLBACKS_BY_NAME, END_CALLBACKS, PHASES, HeaderMapType, attribute_availability
from wasmnb.host.properties.attributes import GROUPS

_READ = re.compile(r"get_property\((\S+)\) -> (\w+)")
_SCENARIO = "every name in "

#: Attributes that exist before the table says so, if the request's headers have been sent on.
EARLY = ("upstream.", "xds.upstream_host_metadata")

#: Names that the recorded stream never has: it has no TLS and no such header.
MISSING = ("tls_version", "certificate", "digest", "transport_failure_reason", "termination_details", ".nope")


def recorded():
    """Return the callbacks in which Envoy returned a value, by the dotted name of the attribute."""
    callbacks = {}
    for scenario, outcome in record.read("properties").items():
        if scenario.startswith(_SCENARIO):
            lines = (line for part in outcome.parts for line in part.log)
            for name, status in (match.groups() for match in map(_READ.search, lines) if match):
                has = callbacks.setdefault(name.replace("\\x00", "."), set())
                if status != "NOT_FOUND":
                    has.add(scenario.removeprefix(_SCENARIO))
    return callbacks


RECORDED = recorded()
NAMES = [name for name in RECORDED if name.split(".")[0] in GROUPS and "." in name and not name.endswith(MISSING)]


#: Callbacks of an HTTP stream in Envoy's order.
STREAM = ["on_context_create", *(f"on_{side}_{part}" for side in ("request", "response") for part in ("headers", "body", "trailers"))]
STREAM += END_CALLBACKS


def attribute_callbacks(name):
    """Return the callbacks of an HTTP stream in which an attribute can be read, by the longest beginning in the table."""
    beginnings = [row for row in ATTRIBUTES if name == row or name.startswith(f"{row}.")]
    rule = ATTRIBUTES[max(beginnings, key=len)] if beginnings else STREAM[0]
    if isinstance(rule, HeaderMapType):
        return [callback for callback in STREAM if rule in PHASES[callback].reads]
    return STREAM[STREAM.index(rule) :] if rule else STREAM


@pytest.mark.parametrize("name", NAMES)
def test_envoy_agrees_with_the_table(name):
    if name.startswith(EARLY):
        assert RECORDED[name] >= set(attribute_callbacks(name))
    else:
        assert RECORDED[name] == set(attribute_callbacks(name))


def test_every_row_was_recorded():
    assert {name for name in ATTRIBUTES if not any(n == name or n.startswith(f"{name}.") for n in RECORDED)} == set()
    assert {rule for rule in ATTRIBUTES.values() if isinstance(rule, str) and rule} <= set(CALLBACKS_BY_NAME)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("xds.node.id", "everywhere"),
        ("request.path", "in on_request_headers, while the stream is paused there, and in on_log"),
        ("request.size", "in a stream's callbacks"),
        ("response.code", "from on_response_headers on"),
        ("response.headers.x", "in on_response_headers, while the stream is paused there, and in on_log"),
        ("source.address", "in a stream's callbacks"),
    ],
)
def test_availability_names_the_callbacks(name, text):
    assert attribute_availability(name) == text


@pytest.mark.parametrize(
    ("callback", "name", "where"),
    [
        ("on_http_request_body", "request.path", "in on_http_request_headers, while the stream is paused there, and in on_http_stream_done"),
        ("on_http_request_headers", "request.duration", "from on_http_stream_done on"),
        ("on_http_request_headers", "upstream.address", "from on_http_response_headers on"),
    ],
)  # fmt: skip
def test_error_about_a_missing_attribute_lists_its_callbacks(callback, name, where):
    source = f"""
class F(HttpContext):
    def {callback}(self, size, end_of_stream):
        try:
            self.properties["{name}"]
        except NotFound as error:
            log_info(str(error))
"""
    with Proxy(Filter.native(source, "f"), workers=1) as proxy:
        proxy.post("/", body=b"body")
        text = "\n".join(line.text for line in proxy.log)
    assert f"{name} is available {where}, if the stream has it." in text
