"""The interpreter against wasmtime: generated functions, deflated data, and edge cases that generation rarely reaches."""

import random
import zlib

import pytest
import wasmtime

from tests.release.differential import Run, difference, make_engine, random_hot, split
from wasmnb.compiler.release.module_assembly.split_module import SplitModule, operations_for
from wasmnb.compiler.release.interpreter.cold_code import compress, deflate
from wasmnb.compiler.release.interpreter.handlers import READERS, interpreter_text
from wasmnb.compiler.release.interpreter.layout import Layout
from wasmnb.compiler.release.interpreter.operations import Operations
from wasmnb.compiler.release.interpreter.translation import translate_module
from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.engine import assemble


@pytest.fixture(scope="module")
def engine():
    return make_engine()


@pytest.mark.parametrize("seed", range(8))
def test_interpreted_module_has_the_results_of_the_compiled_one(engine, seed):
    assert difference(engine, seed, {}) is None


@pytest.mark.parametrize("seed", range(100, 108))
def test_module_compiled_in_parts_has_the_results_of_the_whole(engine, seed):
    assert difference(engine, seed, random_hot(seed)) is None


def text(body, more=""):
    """A module of the shape that can be split, with a function f0 of no parameters and an i32."""
    return assemble(f"""(module
      (memory (export "memory") 18)
      (table 12 12 funcref)
      (global $g0 (export "g0") (mut i32) (i32.const 5)) (global (export "g1") (mut i32) (i32.const 300))
      {more}
      (func (export "f0") (result i32) {body}))""")


def both(engine, wasm):
    return Run(engine, wasm).call(0, []), Run(engine, split(wasm, {})).call(0, [])


@pytest.mark.parametrize(
    "body",
    [
        "(i32.load (i32.const -4))",
        "(i32.load offset=8 (i32.const -4))",
        "(i32.load offset=4294967295 (i32.const 4))",
        "(i32.load8_u offset=70000 (i32.const 3))",
        "(i64.store offset=4294967292 (i32.const 8) (i64.const 1)) (i32.const 0)",
        "(memory.fill (i32.const 1179640) (i32.const 1) (i32.const 90000000)) (i32.const 0)",
        "(memory.copy (i32.const 0) (i32.const -1) (i32.const 2)) (i32.const 0)",
        "(i32.div_s (i32.const -2147483648) (i32.const -1))",
        "(i32.rem_s (i32.const -2147483648) (i32.const -1))",
        "(i32.trunc_f64_s (f64.const nan))",
        "(i32.reinterpret_f32 (f32.const nan:0x200001))",
        "(i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 (f64.const nan:0x4000000000001)) (i64.const 32)))",
        "(call_indirect (result i32) (i32.const 3))",
        "(call_indirect (result i32) (i32.const 99))",
        "unreachable",
    ],
)
def test_edge_case_has_the_same_result_in_all_modes(engine, body):
    expected, actual = both(engine, text(body))
    assert actual == expected


def test_endless_recursion_stops_and_does_not_corrupt_memory(engine):
    wasm = text("(call $deep (i32.const 1000000000))", '(func $deep (param i32) (result i32) (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))')
    (expected, *_), (actual, *_, memory) = both(engine, wasm)
    assert expected == wasmtime.TrapCode.STACK_OVERFLOW
    assert actual in {wasmtime.TrapCode.UNREACHABLE, wasmtime.TrapCode.STACK_OVERFLOW}
    assert memory == bytes(len(memory))


def test_recursion_as_deep_as_compiled_code_allows_works_interpreted(engine):
    wasm = text("(call $deep (i32.const 4000))", '(func $deep (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))) (else (i32.const 0))))')
    expected, actual = both(engine, wasm)
    assert actual == expected
    assert actual[0] == 4000


def test_function_larger_than_a_window_can_be_entered_in_its_middle(engine):
    filling = "(local.set $a (i32.add (i32.mul (local.get $a) (i32.const 31)) (i32.const 7)))" * 3000
    body = f"(local $a i32) {filling} (block (br_if 0 (i32.const 0)) {filling}) (local.get $a)"
    wasm = text(body)
    module = CoreModule.read(wasm)
    points = sorted(translate_module(module, operations_for(module)).points[0])
    hot = {0: frozenset(points[:1])}
    assert Run(engine, split(wasm, hot)).call(0, []) == Run(engine, wasm).call(0, [])


@pytest.mark.parametrize("count", [1, 7, 63, 64, 65, 200])
@pytest.mark.parametrize("kind", ["i32", "i64", "f32", "f64"])
def test_exit_passes_locals_of_any_number_and_type(engine, count, kind):
    places = range(count)
    numbers = " ".join(f"(local.set {n} ({kind}.const {n + 3}))" for n in places)
    used = [n for n in places if n % 3 != 1] or [0]  # the others are dead at the exit
    total = f"({kind}.const 1)"
    for n in used:
        total = f"({kind}.add ({kind}.mul {total} ({kind}.const 3)) (local.get {n}))"
    wasm = text(f"(local {f'{kind} ' * count}) {numbers} (block (br_if 0 (global.get $g0)) (return (i32.const 1))) "
                f"({kind}.store (i32.const 64) {total}) (i32.const 2)")  # fmt: skip
    module = CoreModule.read(wasm)
    cold = translate_module(module, operations_for(module))
    hot = {0: frozenset({min(cold.points[0])})}
    assert Run(engine, split(wasm, hot)).call(0, []) == Run(engine, wasm).call(0, [])
    assert SplitModule(module, cold, hot).exits == 1


@pytest.fixture(scope="module")
def unpack(engine):
    """The guest's decoders, called with packed bytes and the size of the output."""
    body = interpreter_text(Operations((), ()), {}, {}, Layout(0, 0, 0, 0), ())
    for name, kind in (("memory", "(memory (export \"memory\") 64)"), ("table", "(table $filter 1000 funcref)")):
        line = next(text_line for text_line in body.splitlines() if f'"filter" "{name}"' in text_line)
        body = body.replace(line + "\n", "", 1)
        body = body.replace("  (type $handler", f"  {kind}\n  (type $handler", 1)
    store = wasmtime.Store(engine)
    nothing = [wasmtime.Func(store, wasmtime.FuncType([wasmtime.ValType.i32()] * 3, []), lambda *_: None) for _ in READERS]
    exports = wasmtime.Instance(store, wasmtime.Module(engine, assemble(body)), nothing).exports(store)

    def call(packed, size, decoder="inflate", before=b""):
        memory = exports["memory"]
        memory.write(store, before, (2 << 20) - len(before))
        memory.write(store, packed, 1 << 20)
        memory.write(store, b"\xee" * (size + 64), 2 << 20)
        end = exports[decoder](store, 1 << 20, 2 << 20, 0)
        assert end == (2 << 20) + size
        assert bytes(memory.read(store, end, end + 64)) == b"\xee" * 64, "it wrote behind the output"
        return bytes(memory.read(store, 2 << 20, end))

    return call


def contents():
    rng = random.Random(1)
    yield b""
    yield b"a"
    yield bytes(70000)
    yield b"abc" * 9000
    yield rng.randbytes(150_000)
    yield bytes(rng.choices(range(6), k=200_000))
    yield b"".join(rng.randbytes(rng.randrange(1, 40)) * rng.randrange(1, 9) for _ in range(3000))
    yield bytes(min(int(rng.expovariate(0.6)), 255) for _ in range(90_000))  # codes of up to 15 bits
    yield b"".join(rng.randbytes(size) * 40 for size in (*range(1, 18), 255, 256, 257, 258, 259))  # all short distances


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("data", list(contents()), ids=len)
def test_packed_data_is_unpacked_and_nothing_else_is_written(unpack, data, level):
    assert unpack(deflate(data, level), len(data)) == data


def test_compressed_data_can_refer_to_bytes_before_it(unpack):
    known = random.Random(4).randbytes(32768)
    packed = deflate(known[1000:], before=known)
    assert len(packed) < 1000
    assert unpack(packed, len(known) - 1000, before=known) == known[1000:]


def records(count, rng):
    """Bytes like code: records of eight bytes that repeat earlier ones at several distances, with other bytes in between."""
    known = [rng.randbytes(8) for _ in range(60)]
    for _ in range(count):
        record = bytearray(rng.choice(known[-rng.randrange(1, 61) :]))
        if rng.random() < 0.7:
            record[rng.randrange(8)] = rng.randrange(256)
        known.append(bytes(record))
        yield known[-1]


@pytest.mark.parametrize("data", [*contents(), b"".join(records(9000, random.Random(2)))], ids=len)
def test_lzma_is_decoded_and_nothing_else_is_written(unpack, data):
    assert unpack(compress(data), len(data), "lzma") == data


def test_distance_before_the_output_traps(unpack):
    content = b"".join(records(9000, random.Random(3)))
    whole = compress(content)
    with pytest.raises((wasmtime.Trap, AssertionError)):
        unpack(whole[:5] + whole[2000:], len(content), "lzma")


def test_fixed_codes_are_unpacked(unpack):
    data = b"a fixed code for short data, a fixed code"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FIXED)
    assert unpack(packer.compress(data) + packer.flush(), len(data)) == data
