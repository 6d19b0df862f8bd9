"""Hash flooding: names with the same hash, from an attacker who has the module and therefore its hash secret.

    python -m tests.attack.flooding

measures the cost of a body with such names. In CPython 3.14 for WASI, the hash of a text is a 32-bit FNV hash with a secret
of two words, one before and one after the text. All steps are reversible, so a meet-in-the-middle attack works: among the
combinations of n beginnings and n ends, about n * n / 2 ** 32 have the same hash.
"""

import json
import time

import numpy as np

from wasmnb import Filter, Proxy

SOURCE = '''
import json, sys
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        if end_of_stream:
            hashes = [hash(name) & 0xffffffff for name in ("probe--1", "another1")]
            return self.send_local_response(200, json.dumps([sys.hash_info.algorithm, *hashes]))
        way = self.request_headers.get("x-way")
        body = await self.request_body()
        try:
            count = len(body if way == "nothing" else json.loads(body) if way == "json.loads" else self.request_body.json())
        except ContentError as error:
            return self.send_local_response(400, str(error))
        self.send_local_response(200, str(count))
'''

_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
_FACTOR, _INVERSE, _WORD = 1000003, pow(1000003, -1, 1 << 32), 0xFFFFFFFF


def before_end(prefix, block):
    """Return the state of the hash after `block`, the first four bytes of a text with eight bytes."""
    first = block & 0xFF
    return (_FACTOR * (prefix ^ (first << 7)) & _WORD) ^ block


def fnv(prefix, suffix, text):
    """Return the hash of a text with eight bytes."""
    state = before_end(prefix, int.from_bytes(text[:4], "little"))
    for byte in text[4:]:
        state = (_FACTOR * state & _WORD) ^ byte
    return state ^ 8 ^ suffix


def secret_in(memory, known):
    """Find the secret in a VM's memory: two words with which known texts have their known hashes."""
    words = np.frombuffer(memory[: len(memory) // 4 * 4], dtype="<u4").astype(np.int64)
    for prefix, suffix in {(int(a), int(b)) for a, b in zip(words[:-1], words[1:], strict=True) if a and b}:
        if all(fnv(prefix, suffix, text.encode()) == value for text, value in known.items()):
            return prefix, suffix
    raise LookupError("the secret isn't in the memory")


def quadruples(count):
    """Return the first groups of four letters, as numbers of 32 bits."""
    numbers = np.arange(count, dtype=np.uint32)
    letters = np.frombuffer(_LETTERS, dtype=np.uint8).astype(np.uint32)
    return sum(letters[(numbers >> np.uint32(6 * i)) & np.uint32(63)] << np.uint32(8 * i) for i in range(4))


def colliding(prefix, count):
    """Return `count` names of eight letters with the same hash."""
    halves = quadruples(min(1 << 24, int((count * 1.3 * 2**32) ** 0.5)))
    with np.errstate(over="ignore"):
        first = halves & np.uint32(0xFF)
        beginnings = (np.uint32(_FACTOR) * (np.uint32(prefix) ^ (first << np.uint32(7)))) ^ halves
        ends = np.full(len(halves), 12345, dtype=np.uint32)
        for i in (3, 2, 1, 0):
            ends = (ends ^ ((halves >> np.uint32(8 * i)) & np.uint32(0xFF))) * np.uint32(_INVERSE)
    order = np.argsort(beginnings)
    at = np.searchsorted(beginnings[order], ends)
    at[at == len(order)] = 0
    fits = np.flatnonzero(beginnings[order][at] == ends)[:count]
    pairs = zip(halves[order][at[fits]], halves[fits], strict=True)
    return [(int(a).to_bytes(4, "little") + int(b).to_bytes(4, "little")).decode() for a, b in pairs]


def bodies(count):
    """Return two bodies of the same size: one with colliding names, one with others."""
    with Proxy(Filter.from_source(SOURCE), workers=1) as proxy:
        algorithm, *hashes = json.loads(proxy.get("/").response.body)
        assert algorithm == "fnv"
        vm = proxy.workers[0].plugins[0].root.vm
        memory = vm.instance.memory.read(0, vm.memory_size)
    prefix, _ = secret_in(memory, dict(zip(("probe--1", "another1"), hashes, strict=True)))
    bad = colliding(prefix, count)
    good = [f"{i * 7919 % 10**8:08}" for i in range(len(bad))]
    return {"colliding": json.dumps(dict.fromkeys(bad, 1)).encode(), "others": json.dumps(dict.fromkeys(good, 1)).encode()}


def measure(count, ways=("json.loads", "sdk")):
    """Return seconds and instructions for each body and way of reading it, without the cost of receiving the body."""
    figures = {}
    with Proxy(Filter.from_source(SOURCE), workers=1, fuel=True, deadline=300) as proxy:
        for name, body in bodies(count).items():
            base = proxy.post("/", body=body, headers={"x-way": "nothing"}).fuel.total
            for way in ways:
                began = time.perf_counter()
                exchange = proxy.post("/", body=body, headers={"x-way": way})
                figures[name, way] = {
                    "status": exchange.response.status,
                    "instructions": exchange.fuel.total - base,
                    "seconds": round(time.perf_counter() - began, 3),
                    "bytes": len(body),
                }
    return figures


if __name__ == "__main__":
    for count in (2_000, 4_000, 20_000):
        for (name, way), row in measure(count).items():
            print(f"{count:6} {name:10} {way:10} {row}", flush=True)
