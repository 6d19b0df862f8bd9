"""Cost of the simulated host: microseconds per hostcall and per callback, including the trace, with a module in another language.

For comparison, the same calls are measured through wasmtime-py's public interface. Its minimal hostcall reads the name from
memory, and writes the value's address and size.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import wasmtime

from wasmnb import Filter, Proxy
from wasmnb.engine import assemble

from .reporting import alternate, median, report

CALLS = 20_000
CHUNKS = 20_000

_MODULE = """(module
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $put (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "user-agent") (data (i32.const 120) "x-agent")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $n i32)
    (local.set $n (i32.const %d))
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $n)))
      (drop (call $get (i32.const 0) (i32.const 100) (i32.const 10) (i32.const 8) (i32.const 12)))
      (drop (call $put (i32.const 0) (i32.const 120) (i32.const 7) (i32.const 100) (i32.const 10)))
      (local.set $n (i32.sub (local.get $n) (i32.const 2)))
      (br $again)))
    (i32.const 0))
  %s)"""

_BODY = '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0)) (func (export "proxy_on_tick") (param i32))'


def main(rounds: int = 7) -> None:
    ours, theirs = hostcalls(), public_calls()
    results = alternate({**ours, **theirs}, rounds)
    best = {name: median(values) for name, values in results.items()}
    hostcall = (best["many hostcalls"] - best["none"]) / CALLS * 1e6
    callback = best["callbacks"] / CHUNKS * 1e6
    public_hostcall = best["public hostcalls"] / CALLS * 1e6
    public_callback = best["public callbacks"] / CHUNKS * 1e6
    rows = [
        {"crossing": "hostcall", "wasmnb, us": f"{hostcall:.2f}", "wasmtime-py, us": f"{public_hostcall:.2f}",
         "ratio": f"{public_hostcall / hostcall:.1f}"},
        {"crossing": "callback", "wasmnb, us": f"{callback:.2f}", "wasmtime-py, us": f"{public_callback:.2f}",
         "ratio": f"{public_callback / callback:.1f}"},
    ]  # fmt: skip
    report(
        "host_cost", "Cost of the host with a module in another language", rows,
        [
            "wasmnb: header maps, bounds checks, statuses and the trace included; half of the hostcalls read, half write.",
            "wasmtime-py: its public calls with a minimal hostcall: one name read, one value written.",
            "Each measurement begins after a garbage collection.",
            f"{rounds} rounds of {CALLS:,} hostcalls and {CHUNKS:,} callbacks, alternating; medians.",
        ],
    )  # fmt: skip


def hostcalls() -> dict[str, object]:
    def proxy(calls: int, body: str = "") -> Proxy:
        return Proxy(Filter.from_bytes(assemble(_MODULE % (calls, body)), "foreign"), workers=1)

    many, none, ticking = proxy(CALLS), proxy(0), proxy(0, _BODY)
    vm = ticking.vms[-1]
    tick, root = vm.callbacks["on_tick"], vm.contexts[1]

    def request(proxy: Proxy) -> Callable[[], float]:
        return lambda: seconds(lambda: proxy.post("/", {"user-agent": "bench"}))

    def callbacks() -> None:
        for _ in range(CHUNKS):
            tick(root, 1)

    return {"many hostcalls": request(many), "none": request(none), "callbacks": lambda: seconds(callbacks)}


def public_calls() -> dict[str, object]:
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, assemble(_MODULE % (CALLS, _BODY)))
    i32, five = wasmtime.ValType.i32(), [wasmtime.ValType.i32()] * 5
    headers = {b"user-agent": b"bench"}
    memories: list[wasmtime.Memory] = []

    def get(_map: int, at: int, size: int, out_at: int, out_size: int) -> int:
        value = headers[bytes(memories[0].read(store, at, at + size))]
        memories[0].write(store, value, 4096)
        memories[0].write(store, (4096).to_bytes(4, "little"), out_at)
        memories[0].write(store, len(value).to_bytes(4, "little"), out_size)
        return 0

    def put(_map: int, at: int, size: int, value_at: int, value_size: int) -> int:
        headers[bytes(memories[0].read(store, at, at + size))] = bytes(memories[0].read(store, value_at, value_at + value_size))
        return 0

    kind = wasmtime.FuncType(five, [i32])
    instance = wasmtime.Instance(store, module, [wasmtime.Func(store, kind, get), wasmtime.Func(store, kind, put)])
    exports = instance.exports(store)
    memories.append(exports["memory"])
    request, body = exports["proxy_on_request_headers"], exports["proxy_on_request_body"]

    def callbacks() -> None:
        for _ in range(CHUNKS):
            body(store, 2, 1, 0)

    return {"public hostcalls": lambda: seconds(lambda: request(store, 2, 6, 0)), "public callbacks": lambda: seconds(callbacks)}


def seconds(action: Callable[[], object]) -> float:
    """Return the duration in seconds of an action that begins after a garbage collection.

    Python collects all objects once in several rounds, which takes tens of milliseconds because of the trace. If the garbage
    weren't collected before each round, the number of rounds with a collection would decide the median.
    """
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
