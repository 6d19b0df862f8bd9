"""Memory of a VM after 100,000 awaited callouts, in the simulated proxy and in the real Envoy.

Each request awaits a hundred callouts: one by one, together, with timeouts that don't expire, and some for a stream that ends.
Before and after, the filter counts the objects of its garbage collector. The simulated proxy also reports the size of the VM's
memory, which never shrinks.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass

from wasmnb import Filter, Proxy, Response

from .async_cost import running_envoy
from .reporting import report

SOURCE = '''
import gc, json

class Asks(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/state":
            gc.collect()
            return self.send_local_response(200, json.dumps({"objects": len(gc.get_objects()), "calls": len(self._vm.callouts.http)}))
        for _ in range(50):
            response = await self.http_call("service", headers={"x-user": str(_)})
            assert response.ok
        await gather(*(self.http_call("service") for _ in range(25)))
        for _ in range(20):
            await wait_for(self.http_call("service"), 60)
        calls = [self.http_call("service") for _ in range(5)]
        await calls[0]
        return self.send_local_response(200)
'''

#: Callouts per request.
CALLOUTS_PER_REQUEST = 100


@dataclass
class State:
    """Objects, pending calls and memory of a VM."""

    objects: int
    calls: int
    memory: int | None = None


def simulated(callouts: int, warm_up: int = 5_000) -> tuple[State, State]:
    """Return the states before and after, in the simulated proxy."""
    wasm_filter = Filter.from_source(SOURCE, name="asks")
    with Proxy(wasm_filter, workers=1, clusters={"service": Response(200, body=b"ok")}, trace_limit=100) as proxy:

        def run(count: int) -> State:
            for _ in range(count // CALLOUTS_PER_REQUEST):
                assert proxy.get("/").response.status == 200
            return State(**json.loads(proxy.get("/state").response.body), memory=memory_of(proxy))

        return run(warm_up), run(callouts)


def memory_of(proxy: Proxy) -> int:
    """Return the linear memory of all VMs in bytes."""
    return sum(node.facts["memory"] for node in proxy.tree().walk() if "memory" in node.facts)


def in_envoy(callouts: int, warm_up: int = 5_000) -> tuple[State, State]:
    """Return the states before and after, in Envoy."""
    with running_envoy({"asks": SOURCE}) as (_, addresses):
        host, port = addresses["asks"]

        def get(path: str) -> bytes:
            with urllib.request.urlopen(f"http://{host}:{port}{path}") as response:
                return response.read()

        def run(count: int) -> State:
            for _ in range(count // CALLOUTS_PER_REQUEST):
                get("/")
            return State(**json.loads(get("/state")))

        return run(warm_up), run(callouts)


def main(callouts: int = 100_000) -> None:
    rows = []
    for name, measure in (("simulated proxy", simulated), ("Envoy 1.40", in_envoy)):
        before, after = measure(callouts)
        memory = "" if before.memory is None else f"{before.memory:,} to {after.memory:,}"
        rows.append({
            "proxy": name,
            "Python objects, before and after": f"{before.objects:,} to {after.objects:,}",
            "pending calls": after.calls,
            "bytes of the VMs' memory": memory,
        })  # fmt: skip
    report(
        "await_memory", f"Memory of a VM after {callouts:,} awaited callouts", rows,
        ["Awaited one by one, together, with a timeout, and cancelled by the end of the stream.", "After a warm-up of 5,000 callouts."],
    )  # fmt: skip


if __name__ == "__main__":
    main()
