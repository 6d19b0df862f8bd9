"""What 100,000 awaited callouts leave behind in a VM's memory, in the simulated proxy and in the real Envoy.

Each request awaits a hundred callouts: one by one, together, with timeouts that are over in time, and some for a stream
that goes away. Before and after, the filter counts the objects that its garbage collector knows; the simulated proxy also
tells how large the VM's memory is, which never shrinks.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass

from wasmnb import Filter, Proxy, Response

from .async_cost import NONE, running
from .reporting import report

SOURCE = '''
import gc, json

class Asks(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/state":
            gc.collect()
            return self.send_local_response(200, json.dumps({"objects": len(gc.get_objects()), "calls": len(self._vm.callouts.http)}))
        for _ in range(50):
            answer = await self.http_call("service", headers={"x-user": str(_)})
            assert answer.ok
        await gather(*(self.http_call("service") for _ in range(25)))
        for _ in range(20):
            await wait_for(self.http_call("service"), 60)
        calls = [self.http_call("service") for _ in range(5)]
        await calls[0]
        return self.send_local_response(200)
'''

#: Callouts in one request.
EACH = 100


@dataclass
class State:
    """What a VM holds."""

    objects: int
    calls: int
    memory: int | None = None


def simulated(callouts: int, warm_up: int = 5_000) -> tuple[State, State]:
    """Before and after, in the simulated proxy."""
    made = Filter.from_source(SOURCE, name="asks")
    with Proxy(made, workers=1, clusters={"service": Response(200, body=b"ok")}, trace_limit=100) as proxy:

        def run(count: int) -> State:
            for _ in range(count // EACH):
                assert proxy.get("/").response.status == 200
            return State(**json.loads(proxy.get("/state").response.body), memory=memory_of(proxy))

        return run(warm_up), run(callouts)


def memory_of(proxy: Proxy) -> int:
    """Bytes of linear memory of all VMs."""
    return sum(node.facts["memory"] for node in proxy.tree().walk() if "memory" in node.facts)


def in_envoy(callouts: int, warm_up: int = 5_000) -> tuple[State, State]:
    """Before and after, in Envoy."""
    with running({"asks": SOURCE}) as (_, addresses):
        host, port = addresses["asks"]

        def get(path: str) -> bytes:
            with urllib.request.urlopen(f"http://{host}:{port}{path}") as answer:
                return answer.read()

        def run(count: int) -> State:
            for _ in range(count // EACH):
                get("/")
            return State(**json.loads(get("/state")))

        return run(warm_up), run(callouts)


def main(callouts: int = 100_000) -> None:
    rows = []
    for where, measure in (("simulated proxy", simulated), ("Envoy 1.40", in_envoy)):
        before, after = measure(callouts)
        grown = "" if before.memory is None else f"{before.memory:,} to {after.memory:,}"
        rows.append({
            "proxy": where,
            "Python objects, before and after": f"{before.objects:,} to {after.objects:,}",
            "calls that are remembered": after.calls,
            "bytes of the VMs' memory": grown,
        })  # fmt: skip
    report(
        "await_memory", f"What {callouts:,} awaited callouts leave in a VM's memory", rows,
        ["Awaited one by one, together, with a timeout, and cancelled since the stream ended.", "After 5,000 callouts for warming up."],
    )  # fmt: skip


if __name__ == "__main__":
    main()
