"""Declarations of modules: all kinds and numbers of types, including those for which wasmtime's C API aborts the process."""

import pytest

from wasmnb.engine import Instance, assemble, default_engine
from wasmnb.engine.declarations import Declarations, SizeLimits
from wasmnb.errors import ModuleError


def declared(text):
    return Declarations.read(assemble(text))


@pytest.mark.parametrize(("kind", "name"), [
    ("v128", "v128"), ("externref", "externref"), ("funcref", "funcref"), ("exnref", "ref"), ("(ref null any)", "ref"),
    ("(ref $f)", "ref"), ("(ref null $s)", "ref"), ("i32", "i32"), ("f64", "f64"),
])
def test_export_of_any_type_is_compiled_and_instantiated(kind, name):
    text = f'(module (type $f (func)) (type $s (struct (field i8) (field (mut i64)))) (func (export "f") (param {kind})))'
    code = default_engine().compile(assemble(text))
    assert [(e.name, e.kind, e.params, e.results) for e in code.exports] == [("f", "func", (name,), ())]
    again = default_engine().load(code.serialize())
    assert again.exports == code.exports
    Instance(again, lambda _: None).close()


@pytest.mark.parametrize("kind", ["v128", "f32", "externref", "(ref null any)"])
def test_import_of_a_type_without_hostcalls_is_refused(kind):
    code = default_engine().compile(assemble(f'(module (import "env" "f" (func (param {kind}))))'))
    with pytest.raises(ModuleError, match="signature that isn't supported"):
        Instance(code, lambda _: lambda *_: 0)


@pytest.mark.parametrize("kind", ["(ref null any)", "exnref"])
def test_imported_table_of_typed_references_is_refused(kind):
    code = default_engine().compile(assemble(f'(module (import "env" "t" (table 1 {kind})))'))
    with pytest.raises(ModuleError, match="elements of the unsupported type"):
        Instance(code, lambda _: None)


@pytest.mark.parametrize("kind", ["funcref", "externref"])
def test_imported_table_is_created(kind):
    text = f'(module (import "env" "t" (table 3 {kind})) (func (export "size") (result i32) (table.size 0)))'
    assert Instance(default_engine().compile(assemble(text)), lambda _: None).function("size")() == 3


def test_imports_of_all_kinds_are_listed():
    imports = declared("""(module (import "a" "f" (func (param i64) (result i32))) (import "a" "t" (table 1 2 externref))
      (import "a" "m" (memory 1 5)) (import "a" "g" (global (mut v128))) (import "b" "e" (tag)))""").imports
    assert [(i.module, i.name, i.kind) for i in imports] == [
        ("a", "f", "func"), ("a", "t", "table"), ("a", "m", "memory"), ("a", "g", "global"), ("b", "e", "tag")
    ]
    assert (imports[0].params, imports[0].results) == (("i64",), ("i32",))


def test_memories_and_tables_have_their_sizes_in_bytes():
    declarations = declared("""(module (import "a" "m" (memory 1)) (memory 2 3) (memory i64 1)
      (table 10 funcref) (table 1 4 externref) (table 5 (ref null func) (ref.null func)))""")
    assert declarations.memories == [SizeLimits(65536, None), SizeLimits(131072, 196608), SizeLimits(65536, None)]
    assert [(t.minimum, t.maximum) for t in declarations.tables] == [(80, None), (8, 32), (40, None)]


def test_more_than_128_types_and_functions_are_read():
    types = "".join(f"(type (func (param {'i32 ' * n})))" for n in range(150))
    functions = "".join(f'(func (export "f{n}") (type {n}))' for n in range(150))
    exports = declared(f"(module {types}{functions})").exports
    assert [len(e.params) for e in exports] == list(range(150))


def test_recursive_types_and_subtypes_are_counted():
    text = """(module (rec (type $a (sub (struct (field (ref null $b))))) (type $b (sub (array (mut i8)))))
      (type $c (sub $a (struct (field (ref null $b)) (field i32)))) (func (export "f") (param i64)))"""
    assert declared(text).exports[0].params == ("i64",)


def test_code_that_does_not_begin_as_code_is_refused():
    with pytest.raises(ModuleError, match="can't be loaded by this engine"):
        default_engine().load(b"wasmnb code 1\n" + b"\xff" * 8 + b"short")
