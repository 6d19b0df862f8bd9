"""Hostile modules: damaged real ones, and generated ones with random hostcalls and arguments.

    python -m tests.attack.modules FIRST LAST

runs the modules with these numbers and prints one JSON object. A number always means the same module.
"""

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.foreign.odd_modules import TEXTS
from tests.host.host_kit import FRAME, Raw
from wasmnb.abi import AbiVersion, callbacks_for, hostcalls_for
from wasmnb.compiler.wasm_binary.inspection import inspect_module
from wasmnb.engine import assemble
from wasmnb.errors import WasmnbError
from wasmnb.parsing.leb128 import CORE_MAGIC, Reader, section, unsigned
from wasmnb.host import Proxy

#: Modules that one process runs.
BATCH = 250

_HOSTCALLS = hostcalls_for(AbiVersion.V0_2_1)
_CALLBACKS = [c for c in callbacks_for(AbiVersion.V0_2_1).values() if c.name.startswith("proxy_on_")]

_NUMBERS = (0, 1, 2, 3, 7, 8, 64, 4096, 65535, 65536, 131071, 131072, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def module(number):
    """Return the module with this number, and a description of its damage."""
    rng = random.Random(number)
    if number % 5 == 4:
        return "generated", assemble(generated(rng))
    seeds = _seeds()
    kind = rng.choice(sorted(_DAMAGE))
    wasm = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        if len(wasm) > len(CORE_MAGIC):
            wasm = _DAMAGE[kind](rng, wasm, rng.choice(seeds))
    return kind, wasm


def _seeds(seeds=[]):  # noqa: B006 -- made once a process
    if not seeds:
        seeds += [assemble(f"(module {text})") for text in TEXTS.values() if "(module" not in text]
        seeds += [assemble(generated(random.Random(n))) for n in range(40)]
    return seeds


def generated(rng):
    """Return a module whose random callbacks make random hostcalls with random arguments."""
    names = rng.sample(sorted(_HOSTCALLS), 8)
    imports = "".join(
        f'(import "env" "{n}" (func ${n} (param {" ".join(_HOSTCALLS[n].core_params)}) (result {" ".join(_HOSTCALLS[n].core_results)})))'
        for n in names
    )
    body = []
    for callback in rng.sample(_CALLBACKS, 6):
        params = " ".join(callback.core_params)
        result = f"(result {callback.core_results[0]})" if callback.core_results else ""
        calls = "".join(_statement(rng, names) for _ in range(rng.randrange(1, 6)))
        value = f"({callback.core_results[0]}.const {rng.choice((0, 1, 2, 255))})" if callback.core_results else ""
        body.append(f'(func (export "{callback.name}") (param {params}) {result} {calls} {value})')
    text = "".join(rng.choice(("a", "b", ":", "/", r"\00", r"\ff")) for _ in range(40))
    return f'(module {imports} {FRAME} (global $g (mut i32) (i32.const 0)) {"".join(body)} (data (i32.const 64) "{text}"))'


def _statement(rng, names):
    kind = rng.randrange(12)
    if kind == 0:
        return "(unreachable)"
    if kind == 1:
        return f"(drop (memory.grow (i32.const {rng.choice((1, 100, 70000))})))"
    if kind == 2:
        return f"(i32.store (i32.const {rng.choice(_NUMBERS)}) (i32.const 64))"
    if kind == 3:
        return f"(global.set $g (i32.add (global.get $g) (i32.const 1))) (loop $l (br_if $l (i32.const {int(rng.random() < 0.02)})))"
    name = rng.choice(names)
    args = " ".join(f"({k}.const {rng.choice(_NUMBERS)})" for k in _HOSTCALLS[name].core_params)
    return f"(drop (call ${name} {args}))"


# -- damage -----------------------------------------------------------------------------------------------------------


def _flip(rng, wasm, _other):
    data = bytearray(wasm)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _flip_behind_the_header(rng, wasm, _other):
    return wasm[:8] + _flip(rng, wasm[8:] or b"\0", _other)


def _cut(rng, wasm, _other):
    return wasm[: rng.randrange(len(wasm) + 1)]


def _splice(rng, wasm, other):
    return wasm[: rng.randrange(8, len(wasm) + 1)] + other[rng.randrange(8, len(other) + 1) :]


def _number(rng, wasm, _other):
    """Replace a number with a huge one."""
    at = rng.randrange(8, len(wasm) + 1)
    return wasm[:at] + unsigned(rng.choice((1 << 31, (1 << 32) - 1, 1 << 20, 50_000))) + wasm[at + 1 :]


def _sections(wasm):
    r, sections = Reader(wasm, len(CORE_MAGIC)), []
    try:
        while r.more:
            number, size = r.byte(), r.u32()
            start = r.skip(size)
            sections.append((number, wasm[start : r.at]))
    except ValueError:
        pass
    return sections


def _reorder(rng, wasm, other):
    parts = _sections(wasm) + rng.choice(([], _sections(other)))
    rng.shuffle(parts)
    return CORE_MAGIC + b"".join(section(*part) for part in parts)


def _swap_section(rng, wasm, other):
    """Replace a section with a section of another module."""
    parts, others = dict(_sections(wasm)), _sections(other)
    if others:
        number, body = rng.choice(others)
        parts[number] = body
    return CORE_MAGIC + b"".join(section(n, parts[n]) for n in sorted(parts))


def _drop_section(rng, wasm, _other):
    parts = _sections(wasm)
    if parts:
        parts.pop(rng.randrange(len(parts)))
    return CORE_MAGIC + b"".join(section(*part) for part in parts)


_DAMAGE = {
    "bytes changed": _flip,
    "bytes changed behind the header": _flip_behind_the_header,
    "cut short": _cut,
    "spliced": _splice,
    "a huge number": _number,
    "sections reordered": _reorder,
    "a section of another module": _swap_section,
    "a section dropped": _drop_section,
}


# -- runs ------------------------------------------------------------------------------------------------------


def attempt(wasm):
    """Run a module, even if its inspection reports problems, and return the outcome."""
    inspect_module(wasm)
    try:
        with Proxy(Raw(wasm), workers=1, deadline=0.3, memory_limit=64 << 20, trace_limit=2000) as proxy:
            exchange = proxy.post("/x?a=b", headers=[("a", "b")], body=b"body")
            proxy.advance(0.5)
            return "trapped" if proxy.state == "failed" else "ran" if exchange.done else "paused"
    except WasmnbError as error:
        return type(error).__name__


def attempt_all(first, last, at):
    """Run a range of modules. The number of the current module is written to the file `at`."""
    outcomes, faults = Counter(), []
    for number in range(first, last):
        at.write_text(str(number))
        kind, wasm = module(number)
        try:
            outcomes[attempt(wasm)] += 1
        except Exception as error:  # noqa: BLE001 -- any exception is a finding
            faults.append(f"module {number} ({kind}): {type(error).__name__}: {error}"[:300])
    return {"outcomes": outcomes, "faults": faults}


def attack(count, first=0):
    """Run `count` modules in separate processes."""
    total = {"modules": 0, "outcomes": Counter(), "faults": [], "deaths": []}
    with tempfile.NamedTemporaryFile() as at:
        start = first
        while start < first + count:
            last = min(start + BATCH, first + count)
            command = [sys.executable, "-X", "faulthandler", "-m", "tests.attack.modules", str(start), str(last), at.name]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode == 0:
                counts = json.loads(done.stdout)
                total["outcomes"].update(counts["outcomes"])
                total["faults"] += counts["faults"]
                total["modules"] += last - start
                start = last
            else:
                number = int(Path(at.name).read_text() or start)
                total["deaths"].append(f"module {number}: exit code {done.returncode}: {done.stderr[-600:]}")
                total["modules"] += number + 1 - start
                start = number + 1
    return total


if __name__ == "__main__":
    print(json.dumps(attempt_all(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
