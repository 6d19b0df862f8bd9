"""Types, limits and constant expressions in all forms that wasmtime compiles."""

import pytest

from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.compiler.wasm_binary.inspection import inspect_module
from wasmnb.engine import assemble, default_engine
from wasmnb.engine.declarations import Declarations
from wasmnb.parsing.leb128 import Malformed
from wasmnb.parsing.wasm_types import TypeReader

PAGE = 65536

#: Text of a memory or table -> (minimum, maximum), in pages or elements.
SIZES = {
    "(memory i64 64 100)": (64, 100),
    "(memory i64 8191)": (8191, None),
    "(memory 1 2 shared)": (1, 2),
    '(import "a" "m" (memory i64 65 130 shared))': (65, 130),
    "(table i64 70 5000000000 funcref)": (70, 5_000_000_000),
    '(import "a" "t" (table i64 64 128 externref))': (64, 128),
    "(table 5 (ref null func) (ref.null func))": (5, None),
    "(type $s (struct)) (table 3 (ref $s) (struct.new $s))": (3, None),
    "(type $v (array i8)) (table 4 (ref $v) (array.new_fixed $v 2 (i32.const 7) (i32.const 8)))": (4, None),
    "(table 6 (ref i31) (ref.i31 (i32.const 7)))": (6, None),
}


@pytest.mark.parametrize("text", SIZES)
def test_sizes_are_the_same_for_engine_and_compiler(text):
    minimum, maximum = SIZES[text]
    wasm = assemble(f"(module {text})")
    default_engine().compile(wasm)
    declared, module = Declarations.read(wasm), CoreModule.read(wasm)
    (size,) = declared.memories + declared.tables
    unit = PAGE if declared.memories else 8
    assert (size.minimum, size.maximum) == (minimum * unit, None if maximum is None else maximum * unit)
    (limits,) = [*module.memories, *module.tables, *(i.type for i in module.imports)]
    assert (limits.minimum, limits.maximum) == (minimum, maximum)
    assert (limits.wide, limits.shared) == ("i64 " in text, "shared" in text)
    assert inspect_module(wasm).memory == (minimum * PAGE if declared.memories else 0)


def test_pages_of_another_size_are_read():
    wasm = assemble("(module (memory 100 200 (pagesize 1)))")
    assert [(m.minimum, m.maximum) for m in Declarations.read(wasm).memories] == [(100, 200)]
    assert inspect_module(wasm).memory == 100


@pytest.mark.parametrize("types", [
    "(rec (type $a (sub (struct (field (ref null $b))))) (type $b (sub final (array (mut i16)))))",
    "(type $a (sub (func))) (type $b (sub final $a (func)))",
    "(type $a (func (param exnref (ref null noexn) (ref null none)))) (rec (type $b (struct (field v128) (field (mut i8)))))",
    "(rec) (rec (type $a (func (param (ref null $a) (ref any))))) (type $b (array (ref $a)))",
])  # fmt: skip
def test_types_of_groups_and_subtypes_keep_their_indexes(types):
    wasm = assemble(f'(module {types} (type $f (func (param (ref null $a) i64) (result f32))) (import "e" "f" (func (type $f))) (export "f" (func 0)))')
    default_engine().compile(wasm)
    expected = (("ref", "i64"), ("f32",))
    module, facts = CoreModule.read(wasm), inspect_module(wasm)
    assert (len(module.types), module.signature(2)) == (3, expected)
    for entry in (*Declarations.read(wasm).imports, *Declarations.read(wasm).exports, *facts.imports, *facts.exports):
        assert (entry.params, entry.results) == expected


def test_constant_expressions_are_read():
    module = CoreModule.read(assemble("""(module (type $s (struct (field i32))) (func $f)
      (global i32 (i32.sub (i32.const 9) (i32.const -1))) (global f64 (f64.const 1)) (global v128 (v128.const i64x2 5 0))
      (global (ref null extern) (extern.convert_any (ref.null any))) (global (ref $s) (struct.new $s (i32.const 3)))
      (elem (ref null func) (ref.null func) (ref.func $f)) (elem (ref null $s) (struct.new_default $s)))"""))
    assert [g.value for g in module.globals] == [
        (("i32.const", 9), ("i32.const", -1), ("i32.sub", 0)),
        (("f64.const", 0x3FF0000000000000),),
        (("v128.const", 5),),
        (("ref.null", -18), ("gc", 0x1B)),
        (("i32.const", 3), ("gc", 0)),
    ]
    assert [e.functions for e in module.elements] == [
        ((("ref.null", -16),), (("ref.func", 0),)),
        ((("gc", 1),),),
    ]


@pytest.mark.parametrize("wasm", [b"\x01\x4e\x01\x4e\x00", b"\x01\x50\x00\x50\x00\x60\x00\x00", b"\x01\x65\x60\x00\x00", b"\x01"])
def test_unknown_form_of_type_is_refused(wasm):
    with pytest.raises(Malformed, match=r"unknown form of type|ends in the middle"):
        TypeReader(wasm).types()


def test_index_that_is_not_of_a_function_type_is_reported():
    wasm = bytearray(assemble('(module (type (struct)) (type (func)) (import "env" "f" (func (type 1))))'))
    wasm[-1] = 0
    assert inspect_module(bytes(wasm)).problems == ("The file is damaged or cut short: type 0 isn't a function type.",)
