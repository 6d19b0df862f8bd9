"""Hostcalls with bytes that are not UTF-8, or that control a terminal, in every text argument. Every view can display them."""

import pytest

from tests.host.host_kit import FRAME, wat
from wasmnb.abi import AbiVersion, Kind, encode_pairs, hostcalls_for
from wasmnb.host import Proxy

NOT_TEXT, STEERING = b"\xff\xfe\x80", b"\x1b[31m\xe2\x80\xae<script>alert(1)</script>"
CALLS = {name: call for name, call in hostcalls_for(AbiVersion.V0_2_1).items() if name != "proxy_done"}
RAW = (b"\x1b[31m", b"\xe2\x80\xae")


def caller(hostcall, payloads):
    """Return a module that makes a hostcall in `on_http_request_headers` with each payload and each of four numbers."""
    params = [p for p in hostcall.params]
    core = "".join(f" (param {kind})" for kind in hostcall.core_params)
    results = "".join(f" (result {kind})" for kind in hostcall.core_results)
    data, places, at = [], [], 16384
    for payload in payloads:
        text = "".join(f"\\{byte:02x}" for byte in payload)
        data.append(f'(data (i32.const {at}) "{text}")')
        places.append((at, len(payload)))
        at += len(payload) + 16
    calls = []
    for address, size in places:
        for number in (0, 1, 3, 7):
            arguments, out = [], 8192
            for param in params:
                if param.kind in (Kind.BYTES, Kind.PAIRS, Kind.PATH):
                    arguments += [address, size]
                elif param.kind.name.startswith("OUT"):
                    arguments += [out + 8 * i for i in range(len(param.kind.core))]
                    out += 16
                else:
                    arguments += [number] * len(param.kind.core)
            values = " ".join(f"({kind}.const {v})" for kind, v in zip(hostcall.core_params, arguments, strict=True))
            call = f"(call $it {values})"
            calls.append(f"(drop {call})" if hostcall.core_results else call)
    body = f'(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {" ".join(calls)} (i32.const 0))'
    return wat(
        f"{body} {' '.join(data)}",
        imports=f'(import "env" "{hostcall.name}" (func $it{core}{results}))',
        frame=FRAME.replace('"memory") 2', '"memory") 8'),
        name="caller",
    )


def forms(proxy, exchange):
    """Return all texts and HTML that a proxy shows."""
    shown = [proxy, exchange, proxy.trace, proxy.log, proxy.tree(), *proxy.callouts, *proxy.exchanges]
    for thing in shown:
        yield str(thing).encode()
        yield repr(thing).encode()
        bundle = getattr(thing, "_repr_mimebundle_", lambda: {})() or {}
        for kind in ("text/plain", "text/html"):
            if isinstance(bundle.get(kind), str):
                text = bundle[kind]
                assert kind == "text/plain" or "<script>alert" not in text
                yield text.encode()
    yield from (str(line).encode() for line in proxy.log)
    yield from (repr(event).encode() for event in exchange.events)
    yield repr(proxy.metrics).encode()
    yield repr(proxy.shared_data).encode()


@pytest.mark.parametrize("name", CALLS)
def test_hostcalls_with_hostile_text_neither_fail_nor_control_the_terminal(name):
    pairs = encode_pairs([(NOT_TEXT, STEERING), (STEERING, NOT_TEXT), (b":path", NOT_TEXT), (b":method", STEERING), (b":authority", b"x")])
    module = caller(CALLS[name], (NOT_TEXT, STEERING, pairs, b"upstream", b""))
    with Proxy(module, workers=1, deadline=30) as proxy:
        exchange = proxy.get("/", {"x": "1"}, wait=1)
        proxy.advance(10)
        for form in forms(proxy, exchange):
            for raw in RAW:
                assert raw not in form, (raw, form[max(0, form.find(raw) - 100) :][:300])
