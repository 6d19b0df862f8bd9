"""Core modules are read; damaged ones are refused with the position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import wat2wasm

from wasmnb.compiler.wasm_binary.component import Component
from wasmnb.compiler.wasm_binary.core_module import CoreModule, Import
from wasmnb.compiler.wasm_binary.inspection import inspect_module
from wasmnb.parsing.leb128 import Malformed

TEXT = """
  (module
    (import "env" "f" (func (param i32) (result i64))) (import "env" "m" (memory 2 3))
    (table 4 funcref) (global $g (mut i64) (i64.const -5)) (func $h (export "h") (param i32 f64))
    (elem (i32.const 1) func $h 0) (elem declare func $h) (elem (table 0) (i32.const 3) funcref (ref.null func))
    (data (i32.add (i32.const 7) (i32.const 1)) "abc") (data "later") (start $s) (func $s))
"""


@pytest.fixture(scope="module")
def data():
    return bytes(wat2wasm(TEXT))


def test_core_module_is_read(data):
    module = CoreModule.read(data)
    assert module.imports[0] == Import("env", "f", "func", 0)
    assert module.signature(module.function_type(0)) == (("i32",), ("i64",))
    assert module.signature(module.function_type(1)) == (("i32", "f64"), ())
    assert (module.imports[1].type.minimum, module.imports[1].type.maximum) == (2, 3)
    assert module.globals[0].value == (("i64.const", -5),)
    assert module.exports == {"h": ("func", 1)}
    assert module.start == 2
    assert [[f[0] for f in e.functions] for e in module.elements] == [
        [("ref.func", 1), ("ref.func", 0)],
        [("ref.func", 1)],
        [("ref.null", -16)],
    ]
    assert [data[s.start : s.end] for s in module.segments] == [b"abc", b"later"]
    assert module.segments[0].offset == (("i32.const", 7), ("i32.const", 1), ("i32.add", 0))


def test_every_truncation_of_a_file_is_refused(data):
    for size in range(len(data)):
        if size and size == cut_at_section(data, size):
            continue
        with pytest.raises(Malformed):
            CoreModule.read(data[:size])


def cut_at_section(data, size):
    """`size`, if the first `size` bytes are whole sections that fit together: then they are a module."""
    try:
        CoreModule.read(data[:size])
    except Malformed:
        return -1
    ends = {8, *(end for _, _, end in CoreModule.read(data).sections)}
    return size if size in ends else -1


@given(st.data())
def test_damaged_bytes_are_refused(picture):
    data = bytearray(wat2wasm(TEXT))
    for _ in range(picture.draw(st.integers(1, 4))):
        data[picture.draw(st.integers(8, len(data) - 1))] = picture.draw(st.integers(0, 255))
    facts = inspect_module(bytes(data))
    assert facts.kind == "core"
    assert all(isinstance(p, str) and p for p in facts.problems)


@given(st.binary(max_size=200))
def test_inspection_accepts_any_bytes(data):
    assert inspect_module(data).problems
    assert inspect_module(b"\0asm\x01\0\0\0" + data).problems
    assert inspect_module(b"\0asm\x0d\0\x01\0" + data).kind == "component"


@given(st.binary(max_size=100))
def test_damaged_component_raises_only_malformed(data):
    try:
        Component(b"\0asm\x0d\0\x01\0" + data)
    except Malformed:
        pass
