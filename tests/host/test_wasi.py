"""WASI as in Envoy, and the rules for loading modules."""

import pytest

from tests.host.host_kit import FRAME, Raw, wat
from wasmnb.abi import LogLevel
from wasmnb.errors import ModuleError
from wasmnb.host import Plugin, Proxy
from wasmnb.abi.wasi import WASI_PREVIEW_1

P1 = "wasi_snapshot_preview1"


def imported(name, label="$f", module=P1):
    params, results = WASI_PREVIEW_1[name]
    types = f"(param {' '.join(params)})" if params else ""
    return f'(import "{module}" "{name}" (func {label} {types} {"(result i32)" if results else ""}))'


def call_wasi(call, name, memory="", module=P1):
    """Run a request whose callback makes a WASI call. Return the call's event in the trace, and the proxy."""
    body = f"""{memory}
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        {f"(drop {call})" if WASI_PREVIEW_1[name][1] else call} (i32.const 0))"""
    plugin = Plugin(wat(body, imports=imported(name, module=module)), environment={"A": "1", "LONG": "xyz"})
    with Proxy(plugin, workers=1, start_time=5.0, guest_time=0.0) as proxy:
        exchange = proxy.get("/")
        guest = proxy.workers[0].plugins[0].root.vm.guest
        return [e for e in exchange.events if e.kind == "wasi"], exchange, guest.read(0, 256)


def run(call, name, memory=""):
    body = f"""{memory} (global $r (mut i32) (i32.const -1))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (global.set $r {call}) (i32.const 0))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (i32.store8 (i32.const 300) (global.get $r)) (i32.const 0))"""
    plugin = Plugin(wat(body, imports=imported(name)), environment={"A": "1", "LONG": "xyz"})
    with Proxy(plugin, workers=1, start_time=5.0, guest_time=0.0) as proxy:
        exchange = proxy.get("/")
        guest = proxy.workers[0].plugins[0].root.vm.guest
        return guest.read(300, 1)[0], guest.read(0, 300), exchange


TEXT = '(data (i32.const 0) "\\20\\00\\00\\00\\03\\00\\00\\00\\30\\00\\00\\00\\03\\00\\00\\00") (data (i32.const 32) "one") (data (i32.const 48) "two")'


def test_each_write_becomes_one_log_line():
    for fd, level in [(1, LogLevel.INFO), (2, LogLevel.ERROR)]:
        errno, memory, exchange = run(
            f"(call $f (i32.const {fd}) (i32.const 0) (i32.const 2) (i32.const 200))", "fd_write", TEXT
        )
        assert (errno, int.from_bytes(memory[200:204], "little")) == (0, 6)
        assert [(line.level, line.text) for line in exchange.log] == [(level, "onetwo")]
    assert run("(call $f (i32.const 3) (i32.const 0) (i32.const 2) (i32.const 200))", "fd_write", TEXT)[0] == 8


@pytest.mark.parametrize(
    ("name", "call", "errno"),
    [
        ("fd_read", "(call $f (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))", 52),
        ("fd_close", "(call $f (i32.const 1))", 0),
        ("fd_fdstat_get", "(call $f (i32.const 1) (i32.const 100))", 0),
        ("fd_fdstat_get", "(call $f (i32.const 0) (i32.const 100))", 8),
        ("fd_prestat_get", "(call $f (i32.const 3) (i32.const 100))", 8),
        ("fd_renumber", "(call $f (i32.const 1) (i32.const 2))", 58),
        ("fd_sync", "(call $f (i32.const 1))", 0),
        ("fd_sync", "(call $f (i32.const 9))", 8),
        ("sched_yield", "(call $f)", 0),
        ("random_get", "(call $f (i32.const 0) (i32.const 70000))", 28),
        ("random_get", "(call $f (i32.const 0) (i32.const 0))", 0),
        ("random_get", "(call $f (i32.const 131000) (i32.const 200))", 21),
        ("sock_shutdown", "(call $f (i32.const 0) (i32.const 0))", 58),
        ("clock_time_get", "(call $f (i32.const 7) (i64.const 0) (i32.const 100))", 58),
        ("poll_oneoff", "(call $f (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 100))", 0),
        ("fd_write", "(call $f (i32.const 1) (i32.const 0) (i32.const 100000) (i32.const 100))", 28),
        ("fd_write", "(call $f (i32.const 1) (i32.const 131068) (i32.const 2) (i32.const 100))", 21),
    ],
)
def test_calls_return_envoys_results(name, call, errno):
    assert run(call, name)[0] == errno


def test_environment_has_the_plugins_variables():
    errno, memory, _ = run("(call $f (i32.const 0) (i32.const 4))", "environ_sizes_get")
    assert (errno, memory[0], memory[4]) == (0, 2, 4 + 9)
    _, memory, _ = run("(call $f (i32.const 0) (i32.const 64))", "environ_get")
    assert memory[64:77] == b"A=1\0LONG=xyz\0"
    assert memory[0:8] == (64).to_bytes(4, "little") + (68).to_bytes(4, "little")


def test_clocks_are_virtual_and_randomness_comes_from_the_seed():
    _, memory, _ = run("(call $f (i32.const 0) (i64.const 0) (i32.const 0))", "clock_time_get")
    assert int.from_bytes(memory[0:8], "little") == 5 * 10**9
    first = run("(call $f (i32.const 0) (i32.const 16))", "random_get")[1][:16]
    assert first == run("(call $f (i32.const 0) (i32.const 16))", "random_get")[1][:16] != bytes(16)


def test_proc_exit_returns_to_the_guest_and_traps_at_entry():
    events, exchange, _ = call_wasi("(call $f (i32.const 1))", "proc_exit")
    assert exchange.response.status == 200
    assert [e.name for e in events] == ["proc_exit"]
    body = '(func (export "_start") (call $f (i32.const 0)))'
    with pytest.raises(Exception, match="restricted_callback"):
        Proxy(wat(body, imports=imported("proc_exit")), workers=1)


def test_both_names_of_the_wasi_module_are_linked():
    events, _, _ = call_wasi("(call $f)", "sched_yield", module="wasi_unstable")
    assert len(events) == 1


def test_denied_capabilities_fail_and_are_logged():
    body = """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (i32.store8 (i32.const 0) (call $t (i32.const 8))) (i32.store8 (i32.const 1) (call $f)) (i32.const 0))
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)"""
    imports = '(import "env" "proxy_get_current_time_nanoseconds" (func $t (param i32) (result i32)))' + imported(
        "sched_yield"
    )
    plugin = Plugin(wat(body, imports=imports), allowed_capabilities=["proxy_on_request_headers"])
    with Proxy(plugin, workers=1) as proxy:
        assert proxy.get("/").response.status == 200
        assert proxy.workers[0].plugins[0].root.vm.guest.read(0, 2) == bytes((10, 76))
        assert "Attempted call to restricted proxy-wasm capability: proxy_get_current_time_nanoseconds" in str(
            proxy.log
        )


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (wat("", frame='(memory (export "memory") 1)'), "doesn't declare a Proxy-Wasm ABI"),
        (
            wat("", frame='(func (export "proxy_abi_version_0_3_0"))'),
            "proxy_abi_version_0_3_0, which Envoy doesn't support",
        ),
        (wat("", frame='(func (export "proxy_abi_version_0_2_1"))'), "doesn't export an allocator"),
        (wat("", imports='(import "env" "nope" (func))'), "env.nope, which Envoy 1.40 doesn't provide"),
        (wat("", imports='(import "env" "g" (global i32))'), "imports the global env.g"),
        (wat("", imports='(import "env" "proxy_log" (func (param i32) (result i32)))'), "wrong signature"),
        (wat('(func (export "proxy_on_tick"))'), "export proxy_on_tick has the wrong signature"),
        (
            wat("", imports='(import "env" "proxy_get_configuration" (func (param i32 i32) (result i32)))'),
            "exists in ABI 0.1.0, but not in ABI 0.2.1",
        ),
        (Raw(b"no wasm at all"), "Not a valid core WebAssembly module"),
        (Raw(b""), "empty"),
    ],
)
def test_modules_that_envoy_refuses_raise_module_error_with_envoys_log(module, words):
    with pytest.raises(ModuleError, match=words) as caught:
        Proxy(module, workers=1)
    assert "failed to load" in "\n".join(line.text for line in caught.value.log)
    assert len(str(caught.value).splitlines()) == 1


def test_minimal_module_lets_traffic_pass():
    with Proxy(wat("", frame=FRAME), workers=1) as proxy:
        exchange = proxy.get("/")
        assert (exchange.response.status, [e for e in exchange.events if e.kind == "callback"]) == (200, [])
