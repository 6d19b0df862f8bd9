"""`envoy_resolve_dns`, Envoy's own import: result and time of a resolution, in both proxies."""

import time

import pytest

from wasmnb import Envoy, Filter, Proxy
from wasmnb.engine import assemble
from wasmnb.messages import Response

#: Logs as eight hexadecimal digits: status and token of a call, status of one whose name lies outside memory; and in the
#: callback its arguments, status and size of the call data, the data, and the same for a buffer that has nothing to do with it.
GUEST = r"""(module
 (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
 (import "env" "envoy_resolve_dns" (func $dns (param i32 i32 i32) (result i32)))
 (import "env" "proxy_get_buffer_bytes" (func $buf (param i32 i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_get_header_map_value" (func $hdr (param i32 i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 2)
 (global $at (mut i32) (i32.const 65536))
 (data (i32.const 16) "x-name") (data (i32.const 32) "0123456789abcdef")
 (func (export "proxy_abi_version_0_2_1"))
 (func (export "malloc") (param i32) (result i32) (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 0))))
 ;; logs eight hex digits
 (func $num (param i32) (local $i i32)
   (loop $l (i32.store8 (i32.sub (i32.const 107) (local.get $i)) (i32.load8_u (i32.add (i32.const 32) (i32.and (local.get 0) (i32.const 15)))))
     (local.set 0 (i32.shr_u (local.get 0) (i32.const 4)))
     (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))
   (drop (call $log (i32.const 2) (i32.const 100) (i32.const 8))))
 (func (export "proxy_on_context_create") (param i32 i32))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
   (i32.store (i32.const 200) (i32.const 0x77777777))
   (drop (call $hdr (i32.const 0) (i32.const 16) (i32.const 6) (i32.const 220) (i32.const 224)))
   (call $num (call $dns (i32.load (i32.const 220)) (i32.load (i32.const 224)) (i32.const 200)))
   (call $num (i32.load (i32.const 200)))
   (call $num (call $dns (i32.const 0x7fffffff) (i32.const 10) (i32.const 200)))
   (i32.const 0))
 (func (export "envoy_on_resolve_dns") (param i32 i32 i32)
   (call $num (local.get 0)) (call $num (local.get 1)) (call $num (local.get 2))
   (i32.store (i32.const 220) (i32.const 0)) (i32.store (i32.const 224) (i32.const 0))
   (call $num (call $buf (i32.const 8) (i32.const 0) (local.get 2) (i32.const 220) (i32.const 224)))
   (call $num (i32.load (i32.const 224)))
   (drop (call $log (i32.const 2) (i32.load (i32.const 220)) (i32.load (i32.const 224))))
   (i32.store (i32.const 220) (i32.const 0)) (i32.store (i32.const 224) (i32.const 0))
   (call $num (call $buf (i32.const 5) (i32.const 0) (local.get 2) (i32.const 220) (i32.const 224)))
   (drop (call $log (i32.const 2) (i32.load (i32.const 220)) (i32.load (i32.const 224)))))
)"""

#: Names that resolve at once: literal addresses, the machine itself, and invalid names.
NAMES = ["localhost", "127.0.0.1", "10.1.2.3", "::1", "a b"]


@pytest.fixture(scope="module")
def guest():
    return Filter.from_bytes(assemble(GUEST), "dns")


def resolution_log(side, guest, names):
    logs = {}
    with side(guest, workers=1, upstream=Response(200, body=b"ok")) as proxy:
        for name in names:
            before = len(proxy.log)
            assert proxy.get("/", headers=[("x-name", name)]).response.status == 200
            proxy.advance(0.1) if side is Proxy else time.sleep(0.1)
            logs[name] = [line.text for line in list(proxy.log)[before:]]
    return logs


def test_literal_address_is_resolved_before_the_call_returns(guest):
    assert resolution_log(Proxy, guest, ["10.1.2.3"])["10.1.2.3"] == [
        *("00000001", "00000002", "00000013"),  # root context, token, size
        *("00000000", "00000013", "\x01\0\0\0\0\0\0\x0010.1.2.3:0\0"),
        *("00000000", ""),
        *("00000000", "00000002", "00000006"),  # only now the call returns
    ]  # fmt: skip


def test_unknown_name_is_reported_after_the_call_returns(guest):
    assert resolution_log(Proxy, guest, ["nowhere.invalid"])["nowhere.invalid"] == [
        *("00000000", "00000002", "00000006"),
        *("00000001", "00000002", "00000004", "00000000", "00000004", "\0\0\0\0"),
        *("00000000", ""),
    ]  # fmt: skip


@pytest.mark.envoy
def test_envoy_resolves_the_same(guest):
    assert resolution_log(Envoy, guest, NAMES) == resolution_log(Proxy, guest, NAMES)
