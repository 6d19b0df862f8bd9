"""Linking of a small component, built like those of componentize-py, to one core module with the same behaviour."""

import pytest
from wasmtime import wat2wasm

from wasmnb.compiler.wasm_binary.component import Builtin, Component, Lowered, Ref
from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.compiler.wasm_binary.component_graph import Graph
from wasmnb.parsing.leb128 import Malformed
from wasmnb.compiler.wasm_binary.linker import link, memory_image
from wasmnb.engine import Instance, default_engine

COMPONENT = """
(component
  (import "host:x/y@0.1.0" (instance $y (export "get" (func (param "a" u32) (result u32)))))
  (alias export $y "get" (func $get))
  (core func $lowered (canon lower (func $get)))

  ;; the module that owns memory, table and globals
  (core module $main
    (memory (export "memory") 2)
    (table (export "table") 8 funcref)
    (global (export "sp") (mut i32) (i32.const 4096))
    (global (export "base") (mut i32) (i32.const 1000))
    (global (export "slots") i32 (i32.const 2))
    (global (export "wide") i64 (i64.const 77))
    (func (export "late") (param i32) (result i32) local.get 0 i32.const 3 call_indirect (param i32) (result i32))
    (data (i32.const 1000) "main"))
  ;; a library, placed at `base` and `slots`
  (core module $lib
    (import "env" "memory" (memory 1)) (import "env" "table" (table 1 funcref))
    (import "env" "sp" (global $sp (mut i32))) (import "env" "base" (global $base (mut i32)))
    (import "env" "slots" (global $slots i32)) (import "env" "wide" (global $wide i64))
    (import "env" "late" (func $late (param i32) (result i32)))
    (import "host" "get" (func $get (param i32) (result i32)))
    (type $unary (func (param i32) (result i32)))
    (func $double (type $unary) local.get 0 i32.const 2 i32.mul)
    (func $square (type $unary) local.get 0 local.get 0 i32.mul)
    (func $dead (result i32) (i32.const 123456789))
    (elem (offset global.get $slots) func $double $square)
    (data (i32.const 1010) "lib")
    (global $here i32 (global.get $slots))
    (func (export "run") (param i32) (result i32)
      (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
      (i32.add
        (i32.add (call $get (local.get 0)) (call $late (local.get 0)))
        (i32.add
          (call_indirect (type $unary) (local.get 0) (global.get $here))
          (i32.add (i32.load8_u (global.get $base)) (i32.wrap_i64 (global.get $wide))))))
    (func (export "sp") (result i32) global.get $sp)
    (func (export "post") (param i32)))

  (core instance $m (instantiate $main))
  (core instance $env
    (export "memory" (memory $m "memory")) (export "table" (table $m "table")) (export "sp" (global $m "sp"))
    (export "base" (global $m "base")) (export "slots" (global $m "slots")) (export "wide" (global $m "wide"))
    (export "late" (func $m "late")))
  (core instance $host (export "get" (func $lowered)))
  (core instance $l (instantiate $lib (with "env" (instance $env)) (with "host" (instance $host))))
  (func (export "run") (param "a" u32) (result u32) (canon lift (core func $l "run") (post-return (core func $l "post"))))
  (func (export "sp") (result u32) (canon lift (core func $l "sp")))
)
"""

GLUE = """
(module
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (import "lift" "run" (func $run (param i32) (result i32)))
  (import "lift" "sp" (func $sp (result i32)))
  (export "host:x/y#get" (func $ask))
  (func (export "go") (param i32) (result i32) (call $run (local.get 0)))
  (export "sp" (func $sp)))
"""


def graph_of(text=COMPONENT, glue=GLUE):
    data = bytes(wat2wasm(text))
    component = Component(data)
    graph = Graph(component, [CoreModule.read(data, *span) for span in component.modules])
    if glue:
        lifted = {("lift", name): lift.function for name, lift in component.exports.items()}
        graph.add_glue(CoreModule.read(bytes(wat2wasm(glue))), lifted)
    return graph


def linked(graph, *names):
    exports = {name: graph.find(Ref(graph.glue.number, name), "func") for name in names}
    return link(graph, exports, memory_image(graph))


@pytest.fixture(scope="module")
def module():
    return linked(graph_of(), "go", "sp")


def test_exports_have_function_and_post_return():
    component = Component(bytes(wat2wasm(COMPONENT)))
    lift = component.exports["run"]
    assert (lift.function.name, lift.post_return.name) == ("run", "post")
    assert component.exports["sp"].post_return is None


def test_glue_imports_are_listed_with_signatures():
    assert graph_of(glue=None).glue_imports() == {"host:x/y#get": (("i32",), ("i32",))}


def test_linked_module_computes_the_same_as_the_component(module):
    asked = []
    instance = Instance(default_engine().compile(module), lambda _: lambda a: asked.append(a) or a + 1)
    # get(5) + square(5), through the table's slot 3, + double(5), in slot 2, + "m" + 77
    assert instance.function("go")(5) == (5 + 1) + 5 * 5 + 2 * 5 + ord("m") + 77
    assert asked == [5]
    assert instance.function("sp")() == 4096 - 16


def test_memory_holds_the_data_of_every_module(module):
    instance = Instance(default_engine().compile(module), lambda _: lambda a: a)
    assert (instance.memory.read(1000, 4), instance.memory.read(1010, 3)) == (b"main", b"lib")
    assert instance.memory.size == 2 * 65536


def test_unset_globals_become_constants(module):
    read = CoreModule.read(module)
    assert [g.type for g in read.globals] == [0x7F, 0x7E]  # the stack pointer, and the one that is an i64
    assert [g.value for g in read.globals] == [(("i32.const", 4096),), (("i64.const", 77),)]


def test_all_initialisers_are_constants(module):
    read = CoreModule.read(module)
    offsets = [e.offset for e in read.elements] + [s.offset for s in read.segments]
    assert all(len(o) == 1 and o[0][0] == "i32.const" for o in offsets)


def test_unreachable_functions_are_left_out(module):
    assert b"\x41\x95\x9a\xef\x3a" not in module  # i32.const 123456789
    # run, sp, go and the two in the table; the trampoline `late` and `post` were removed
    assert len(CoreModule.read(module).functions) == 5


def test_only_requested_functions_are_exported():
    assert set(CoreModule.read(linked(graph_of(), "sp")).exports) == {"memory", "sp"}


def test_glue_function_with_wrong_signature_is_refused():
    bad = GLUE.replace(
        '(param i32) (result i32)))\n  (import "lift" "run"', '(param i64) (result i32)))\n  (import "lift" "run"'
    )
    graph = graph_of(glue=bad)
    with pytest.raises(Malformed, match="signature"):
        linked(graph, "go")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('(memory (export "memory") 2)', '(memory (export "memory") 2) (start 0) (func)', "start function"),
        ('(data (i32.const 1000) "main")', '(data "main")', "data segment"),
        ("(func $dead", "(memory 1) (func $dead", "2 memories"),
    ],
)
def test_unexpected_component_features_are_refused(old, new, word):
    with pytest.raises(Malformed, match=word):
        memory_image(graph_of(COMPONENT.replace(old, new)))


def test_glue_names_are_derived_from_imports():
    from wasmnb.compiler.wasm_binary.component_graph import glue_name

    assert glue_name(Lowered("wasi:random/random@0.2.9", "get-random-bytes")) == "wasi:random/random#get-random-bytes"
    assert glue_name(Builtin("resource.drop")) == "builtin#resource.drop"
