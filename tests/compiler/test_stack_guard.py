"""Functions with a check for recursion reserve more linear stack, release all of it, and return the same results."""

import pytest
from wasmtime import wat2wasm

from wasmnb.parsing import leb128 as leb
from wasmnb.compiler.wasm_binary.core_module import SECTIONS, CoreModule
from wasmnb.compiler.wasm_binary.component_graph import GraphNode
from wasmnb.parsing.leb128 import Malformed
from wasmnb.compiler.wasm_binary.stack_guard import LEVEL, SMALL_LEVEL, StackGuard
from wasmnb.engine import Instance, default_engine

PAD = "(nop) " * 130
LIMIT = "(i32.load (i32.add (local.get $tstate) (i32.const 712)))"
TAKE = "(global.set $sp (local.tee $fp (i32.sub (global.get $sp) (i32.const 48))))"
GIVE = "(global.set $sp (i32.add (local.get $fp) (i32.const 48)))"
WATCH = "(if (i32.lt_u (global.get $sp) (global.get $low)) (then (global.set $low (global.get $sp))))"

TEXT = f"""
(module
  (import "env" "__stack_pointer" (global $sp (mut i32))) (import "env" "low" (global $low (mut i32)))
  (memory 1)
  (func (export "_Py_ReachedRecursionLimitWithMargin") (param $tstate i32) (result i32)
    (local $fp i32)
    (local.set $fp (global.get $sp))
    (i32.gt_u {LIMIT} (local.get $fp)))
  (func $enter (export "Py_EnterRecursiveCall") (param $tstate i32) (result i32) (i32.const 0))
  ;; takes 48 bytes; two ways out
  (func $taking (export "taking") (param $tstate i32) (result i32) (local $fp i32)
    {TAKE} {PAD} {WATCH}
    (drop {LIMIT})
    (if (local.get $tstate) (then {GIVE} (return (i32.const 7))))
    {GIVE} (i32.const 8))
  ;; only reads the pointer
  (func $reading (export "reading") (param $tstate i32) (result i32) (local $fp i32)
    (local.set $fp (global.get $sp)) {PAD} {WATCH}
    (drop {LIMIT})
    (if (local.get $tstate) (then (global.set $sp (local.get $fp)) (return (i32.const 7))))
    (global.set $sp (local.get $fp)) (i32.const 8))
  ;; checks through a helper
  (func (export "calling") (param $tstate i32) (result i32) (local $fp i32)
    {TAKE} {PAD} {WATCH}
    (drop (call $enter (local.get $tstate)))
    {GIVE} (i32.const 9))
  ;; one way out does not give back: not to be touched
  (func (export "odd") (param $tstate i32) (result i32) (local $fp i32)
    (local.set $fp (global.get $sp)) {PAD} {WATCH}
    (drop {LIMIT})
    (if (local.get $tstate) (then (return (i32.const 7))))
    (global.set $sp (local.get $fp)) (i32.const 8))
  ;; no frame of its own, and ways out of several depths
  (func $watch {WATCH})
  (func (export "bare") (param $tstate i32) (result i32)
    {PAD} (call $watch)
    (drop {LIMIT})
    (block (loop (if (i32.eq (local.get $tstate) (i32.const 1)) (then (return (i32.const 7))))
      (br_if 1 (i32.eq (local.get $tstate) (i32.const 2)))
      (if (i32.eq (local.get $tstate) (i32.const 3)) (then (br 3 (i32.const 6))))
      (if (i32.eqz (local.get $tstate)) (then (return (i32.const 8))) (else (nop)))))
    (i32.const 5))
  (func (export "bare_nothing") (param $tstate i32) {PAD} (drop {LIMIT}) (if (local.get $tstate) (then (return))))
  ;; does not check
  (func (export "plain") (param $tstate i32) (result i32) (local $fp i32)
    {TAKE} {PAD} {WATCH} {GIVE} (i32.const 10)))
"""


class Only:
    """A graph of one node."""

    def __init__(self, text):
        self.node = GraphNode(0, CoreModule.read(bytes(wat2wasm(text))), {})

    def all_nodes(self):
        return iter([self.node])


#: The same functions under the same numbers, with globals of the module's own and two more functions to look at them.
OWN = (
    TEXT.replace('(import "env" "__stack_pointer" (global $sp (mut i32)))', "(global $sp (mut i32) (i32.const 4096))")
    .replace('(import "env" "low" (global $low (mut i32)))', "(global $low (mut i32) (i32.const 4096))")
    .rstrip()[:-1]
    + """(func (export "pointer") (result i32) (global.get $sp))
    (func (export "used") (result i32) (i32.sub (i32.const 4096) (global.get $low)) (global.set $low (i32.const 4096))))"""
)


@pytest.fixture(scope="module")
def guarded():
    """The module with enlarged frames, and how many there are."""
    graph, own = Only(TEXT), CoreModule.read(bytes(wat2wasm(OWN)))
    guard = StackGuard(graph)
    bodies = [guard(graph.node, *span) for span in graph.node.module.code] + [None, None]
    code = [own.data[start:end] if body is None else body for body, (start, end) in zip(bodies, own.code, strict=True)]
    out = [own.data[:8]]
    for title, start, end in own.sections:
        if not title.startswith("custom"):
            body = leb.vector(leb.unsigned(len(c)) + c for c in code) if title == "code" else own.data[start:end]
            out.append(leb.section(SECTIONS.index(title), body))
    return b"".join(out), sum(body is not None for body in bodies)


@pytest.mark.parametrize("name", ["taking", "reading", "calling"])
@pytest.mark.parametrize("argument", [0, 1])
def test_guarded_function_enlarges_and_restores_its_frame(guarded, name, argument):
    instance = Instance(default_engine().compile(guarded[0]), lambda _: None)
    result = instance.function(name)(argument)
    assert result == {"taking": 8 - argument, "reading": 8 - argument, "calling": 9}[name]
    assert instance.function("pointer")() == 4096
    assert instance.function("used")() == LEVEL + (0 if name == "reading" else 48)


@pytest.mark.parametrize(("argument", "result"), [(0, 8), (1, 7), (2, 5), (3, 6)])
def test_function_without_frame_gets_one_and_restores_the_pointer_at_every_exit(guarded, argument, result):
    instance = Instance(default_engine().compile(guarded[0]), lambda _: None)
    assert instance.function("bare")(argument) == result
    assert instance.function("bare_nothing")(argument) is None
    assert instance.function("pointer")() == 4096
    assert instance.function("used")() == SMALL_LEVEL


@pytest.mark.parametrize(("name", "used"), [("odd", 0), ("plain", 48)])
def test_other_functions_stay_unchanged(guarded, name, used):
    instance = Instance(default_engine().compile(guarded[0]), lambda _: None)
    instance.function(name)(0)
    assert instance.function("used")() == used
    assert guarded[1] == 5


def test_unexpected_cpython_build_is_refused():
    with pytest.raises(Malformed, match="exports _Py_Reached"):
        StackGuard(Only("(module)"))
