"""Every filter as Wasm and natively has the same trace, event by event, and the same responses, logs and metrics."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.example_cases import CASES, EXAMPLES
from tests.compiler.native_mode.both_modes import compare
from tests.sdk import test_async_in_wasm, test_in_wasm

pytestmark = pytest.mark.full  # compares with full modules, event by event

#: Filters that never return from a callback: natively nothing stops them but the interrupt button.
ENDLESS = ("endless_decoding", "slow_pattern")

PLANTED = sorted(p for p in (Path(__file__).parents[2] / "testing" / "planted").glob("*.py") if p.stem not in ENDLESS)


#: `jwt_auth` imports modules that the common runtime doesn't have: its runtime is built first.
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name == "jwt_auth" else name for name in CASES]


@pytest.mark.parametrize("name", NAMES)
def test_example_behaves_the_same_natively(name):
    config, upstream, clusters, requests = CASES[name]

    def drive(proxy):
        for arguments, status, _ in requests:
            assert proxy.request(*arguments).response.status == status
        proxy.advance(30)

    compare(EXAMPLES / f"{name}.py", drive, workers=2, config=json.dumps(config), upstream=upstream, clusters=clusters)


#: The first seed also runs in `make test-fast`.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


def random_traffic(seed, known):
    """Requests of every kind, many at once on several workers, some of them left by their clients; time passes."""

    def drive(proxy):
        rng = Random(seed)  # noqa: S311
        live = []
        for _ in range(40):
            method, path, headers, body = rng.choice(known)
            kind = rng.randrange(6)
            if kind == 0:
                proxy.advance(rng.choice([0.01, 1.0, 20.0]))
            elif kind == 1 and live:
                live.pop(rng.randrange(len(live))).reset()
            elif kind == 2:
                live.append(proxy.open(method, path, headers, end=False))
            elif kind == 3:
                cut = rng.randrange(len(body) + 1)
                trailers = [("x-trailer", "1")] if rng.random() < 0.5 else ()
                proxy.request(method, path, headers, body, trailers, chunks=[body[:cut], body[cut:]])
            else:
                proxy.request(method, path, headers, body, worker=rng.randrange(3) + 1)

    return drive


#: Every third example also runs under random traffic in `make test-fast`.
SOME = [name if not number % 3 or not isinstance(name, str) else pytest.param(name, marks=pytest.mark.slow) for number, name in enumerate(NAMES)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SOME)
def test_example_behaves_the_same_under_random_traffic(name, seed):
    config, upstream, clusters, requests = CASES[name]
    known = [(*arguments, [], b"")[:4] if len(arguments) > 2 else (*arguments, [], b"") for arguments, _, _ in requests]
    known += [
        ("POST", path, [*headers, ("x-odd", b"\xff\x00")], b'{"a": [1, 4111111111111111]}')
        for _, path, headers, _ in known
    ]
    seen = compare(
        EXAMPLES / f"{name}.py", random_traffic(seed, known), workers=3, seed=seed, config=json.dumps(config),
        upstream=upstream, clusters=clusters,
    )  # fmt: skip
    assert len(seen) > 200


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_waiting_callbacks_match_wasm_under_random_traffic(seed):
    known = [
        ("GET", f"/{p}", [("x-user", "ann")], b"")
        for p in ("callout", "many", "sleeps", "times_out", "chunks", "forever")
    ]
    known += [("POST", f"/{p}", [], b"some text") for p in ("body", "changed", "sleeps")] + [
        ("GET", "/raises", [], b"")
    ]
    seen = compare(
        test_async_in_wasm.SOURCE, random_traffic(seed, known), workers=3, seed=seed, upstream=test_async_in_wasm.upstream,
        clusters={"auth": test_async_in_wasm.auth},
    )  # fmt: skip
    assert len(seen) > 200


def test_waiting_callbacks_match_wasm():
    def drive(proxy):
        proxy.get("/callout", headers=[("x-user", "ann")])
        for path in (
            "/callout",
            "/many",
            "/sleeps",
            "/times_out",
            "/chunks",
            "/body",
            "/raises",
            "/sleeps",
            "/nothing",
        ):
            proxy.get(path)
        proxy.request("POST", "/body", body=b"good", chunks=[b"go", b"od"])
        proxy.post("/body", body=b"bad")
        proxy.post("/changed", body=b"text")
        stream = proxy.open("GET", "/forever", end=True)
        proxy.advance(1)
        stream.reset()

    compare(
        test_async_in_wasm.SOURCE, drive, workers=2, upstream=test_async_in_wasm.upstream,
        clusters={"auth": test_async_in_wasm.auth},
    )  # fmt: skip


def test_hostcall_edge_cases_match_wasm():
    def drive(proxy):
        proxy.get("/edges", headers=[("x-raw", b"\xffa")])
        for path in ("/output", "/settings", "/numbers", "/wrong", "/output"):
            proxy.get(path)

    compare(test_in_wasm.SOURCE, drive, workers=1, config=b'{"name": "n", "limits": {"a": 1}}')


@pytest.mark.parametrize("config", [b'{"name": 1}', b"{", b"[]"])
def test_refused_configuration_raises(config):
    compare(test_in_wasm.SOURCE, lambda proxy: None, workers=1, config=config)


def drive_at_random(proxy):
    for path in ("/", "/%", "/tenants", "/items?x=1"):
        proxy.get(path, headers=[("user-agent", "x" * 20), ("cookie", "a=b")])
        proxy.request(
            "POST", path, body=b'{"a": 1}', headers=[("content-type", "application/json")], chunks=[b'{"a"', b": 1}"]
        )
        proxy.post(path, body=b"\xff\xfe")
    proxy.advance(20)


@pytest.mark.parametrize("path", PLANTED, ids=lambda p: p.stem)
def test_faulty_filter_behaves_the_same_natively(path):
    compare(path, drive_at_random, workers=2)
