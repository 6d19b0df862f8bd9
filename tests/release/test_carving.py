"""Exits pass the live locals to the interpreter: those that the rest of the function can read."""

import pytest

from wasmnb.compiler.release.module_assembly.liveness import live_locals
from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.compiler.wasm_binary.relocations import end_of_locals, instructions
from wasmnb.engine import assemble


def live_at_mark(body, count=4):
    """Locals that are live at the only `nop` of a function whose locals $0, $1, ... are of type i32."""
    module = CoreModule.read(assemble(f"(module (func (result i32) (local {'i32 ' * count}) {body}))"))
    start, end = module.code[0]
    code = list(instructions(module.data, start, end))
    first = end_of_locals(module.data, start, end) - start
    places, offset = set(), first
    for instruction in code:
        if instruction == b"\x01":
            places.add(offset)
        offset += len(instruction)
    (live,) = live_locals(code, first, places).values()
    return {n for n in range(count) if live >> n & 1}


@pytest.mark.parametrize(
    ("body", "live"),
    [
        ("nop (i32.const 0)", set()),
        ("nop (local.get 1)", {1}),
        ("nop (local.set 1 (local.get 2)) (local.get 1)", {2}),
        ("nop (local.set 1 (i32.const 0)) (local.get 1)", set()),
        ("nop (drop (local.tee 1 (local.get 1))) (local.get 1)", {1}),
        ("nop (return (local.get 0)) (local.get 1)", {0}),
        ("nop unreachable (local.get 1)", set()),
        ("nop (if (local.get 0) (then (local.set 1 (i32.const 1)))) (local.get 1)", {0, 1}),
        ("nop (if (local.get 0) (then (local.set 1 (i32.const 1))) (else (local.set 1 (local.get 2)))) (local.get 1)", {0, 2}),
        ("nop (block (br_if 0 (local.get 3)) (local.set 1 (i32.const 1))) (local.get 1)", {1, 3}),
        ("nop (block (block (br_table 0 1 (local.get 3))) (local.set 1 (i32.const 1)) (return (local.get 2))) (local.get 1)", {1, 2, 3}),
        ("nop (block (local.set 1 (i32.const 1)) (br 0) (drop (local.get 2))) (local.get 1)", set()),
    ],
)
def test_locals_that_can_be_read_are_live(body, live):
    assert live_at_mark(body) == live


def test_locals_read_in_the_next_round_of_a_loop_are_live():
    body = "(loop (drop (local.get 1)) nop (local.set 2 (i32.const 1)) (br_if 0 (local.get 0))) (local.get 2)"
    assert live_at_mark(body) == {0, 1}


def test_locals_of_outer_loops_are_live_in_inner_ones():
    inner = "(loop nop (br_if 0 (local.get 0)))"
    body = f"(loop (drop (local.get 1)) (loop (drop (local.get 2)) {inner} (br_if 0 (local.get 0))) (br_if 0 (local.get 0))) (i32.const 0)"
    assert live_at_mark(body) == {0, 1, 2}


def test_local_read_after_an_if_is_live_at_a_branch_out_of_it():
    body = "(block (if (local.get 0) (then nop (br 1))) (local.set 1 (i32.const 1))) (local.get 1)"
    assert live_at_mark(body) == {1}
