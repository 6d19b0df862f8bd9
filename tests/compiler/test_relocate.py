"""Function bodies are split exactly at the instructions whose index changes."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import wat2wasm

from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.parsing.leb128 import Malformed
from wasmnb.compiler.wasm_binary.relocations import body_parts

EVERYTHING = """
  (module
    (memory 1) (table $t 1 funcref) (global $g (mut i32) (i32.const 0)) (elem declare func $f)
    (type $many (func (param i32) (result i32 i32)))
    (func $f (param i32) (result i32)
      (local i64 f32 f64 v128 funcref)
      (global.set $g (call $f (i32.add (global.get $g) (i32.const -1))))
      (local.set 1 (i64.const 0x1234567890abcdef))
      (local.set 2 (f32.const 1.5)) (local.set 3 (f64.const -2.5))
      (local.set 4 (v128.const i32x4 16 35 36 210))
      (local.set 4 (i8x16.shuffle 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 (local.get 4) (local.get 4)))
      (drop (i32x4.extract_lane 3 (local.get 4)))
      (v128.store8_lane offset=16 5 (i32.const 0) (local.get 4))
      (drop (i32.trunc_sat_f32_s (local.get 2)))
      (drop (f32x4.relaxed_madd (local.get 4) (local.get 4) (local.get 4)))
      (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
      (drop (memory.grow (i32.const 0))) (drop (memory.size))
      (drop (i64.load32_u offset=100000 align=1 (i32.const 16)))
      (i32.store8 offset=36 (i32.const 35) (i32.const 210))
      (drop (call_indirect $t (type $many) (i32.const 1) (i32.const 0))) (drop)
      (drop (select (result funcref) (ref.func $f) (ref.null func) (i32.const 1)))
      (drop (ref.is_null (table.get $t (i32.const 0))))
      (drop (table.size $t)) (table.set $t (i32.const 0) (ref.func $f))
      (drop (block $b (type $many) (if (result i32) (i32.const 16) (then (i32.const 1)) (else (i32.const 2)))
        (br_table 0 1 0 (i32.const 7) (i32.const 0)))) (drop)
      (i32.const 0)))
"""


def body(text):
    module = CoreModule.read(bytes(wat2wasm(text)))
    return module.data, *module.code[-1]


def parts_of(text):
    data, start, end = body(text)
    locals_, parts = body_parts(data, start, end)
    assert locals_ + b"".join(chain.from_iterable(parts)) == data[start:end]
    return [instruction for _, instruction in parts if instruction]


def test_every_kind_of_instruction_is_skipped_completely():
    text = EVERYTHING.replace(
        """(drop (block $b (type $many) (if (result i32) (i32.const 16) (then (i32.const 1)) (else (i32.const 2)))
        (br_table 0 1 0 (i32.const 7) (i32.const 0)))) (drop)""",
        "(i32.const 3) (block (type $many) (i32.const 4)) (drop) (drop)",
    )
    instructions = parts_of(text)
    assert {i[0] for i in instructions} == {0x24, 0x10, 0x23, 0x11, 0xD2, 0x25, 0x26, 0xFC, 0x02}


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=60))
def test_constants_that_resemble_calls_are_not_calls(values):
    drops = " ".join(f"(drop (i32.const {v})) (drop (i64.const {v}))" for v in values)
    assert parts_of(f"(module (func (local i32 i64) {drops} nop))") == []


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 300, 2000])
def test_branch_tables_of_any_size_are_skipped(size):
    table = "(br_table " + "0 " * size + "0 (i32.const 16))"
    assert parts_of(f"(module (func $f (block {table}) (call $f)))") == [b"\x10\x00"]


def test_calls_after_large_branch_tables_are_found_in_order():
    table = "(block (br_table " + "0 " * 500 + "0 (i32.const 0)))"
    text = f"(module (func $a) (func $b) (func (call $a) {table} (call $b) {table} (call $a)))"
    assert parts_of(text) == [b"\x10\x00", b"\x10\x01", b"\x10\x00"]


def test_unknown_instruction_is_refused_with_its_offset():
    with pytest.raises(Malformed, match="0xf9 at offset 0x2"):
        body_parts(b"\x00\x01\xf9\x0b", 0, 4)
