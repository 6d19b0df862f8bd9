"""One budget for all memories and tables of an instance."""

import pytest

from wasmnb.engine import Instance, assemble, default_engine
from wasmnb.engine.declarations import Declarations
from wasmnb.engine.limits import size_limits
from wasmnb.errors import ModuleError

MIB = 1 << 20


def instance(text, limit):
    return Instance(default_engine().compile(assemble(text)), lambda _: None, memory_limit=limit)


def grow_all(memories, tables=0):
    """A module that grows its memories and tables as far as possible, and returns the number of pages and elements."""
    functions = [
        f'(func (export "m{n}") (result i32) (loop $l (br_if $l (i32.ne (memory.grow {n} (i32.const 1)) (i32.const -1)))) (memory.size {n}))'
        for n in range(memories)
    ] + [
        f'(func (export "t{n}") (result i32) (loop $l (br_if $l (i32.ne (table.grow {n} (ref.null func) (i32.const 10000)) (i32.const -1)))) (table.size {n}))'
        for n in range(tables)
    ]
    return f"(module {'(memory 1)' * memories}{'(table 1 funcref)' * tables}{''.join(functions)})"


@pytest.mark.parametrize(("memories", "tables"), [(1, 0), (2, 0), (40, 0), (1, 1), (3, 3), (0, 40)])
def test_all_memories_and_tables_together_stay_within_the_limit(memories, tables):
    guest = instance(grow_all(memories, tables), 64 * MIB)
    pages = sum(guest.function(f"m{n}")() for n in range(memories))
    elements = sum(guest.function(f"t{n}")() for n in range(tables))
    assert pages * 65536 + elements * 8 <= 65 * MIB
    if not tables:
        assert pages * 65536 >= 60 * MIB
    elif not memories:
        assert elements * 8 >= 4 * MIB


def test_single_memory_can_use_the_whole_limit():
    guest = instance('(module (memory 1) (table 500 500 funcref) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))', 2 * 65536)
    assert guest.function("grow")(1) == 1
    assert guest.function("grow")(1) == 0xFFFFFFFF


def test_memory_with_a_maximum_leaves_the_rest_to_the_others():
    declarations = Declarations.read(assemble("(module (memory 1 16) (memory 1))"))
    memory, _ = size_limits(declarations, 64 * MIB)
    assert memory == 63 * MIB


def test_garbage_collected_objects_share_the_limit():
    plain = size_limits(Declarations.read(assemble("(module (memory 1))")), 64 * MIB)
    objects = size_limits(Declarations.read(assemble("(module (type (array i8)) (memory 1))")), 64 * MIB)
    assert (plain[0], objects[0]) == (64 * MIB, 32 * MIB)


@pytest.mark.parametrize("text", [
    "(module (memory 2000))", "(module (memory 600) (memory 600))", "(module (table 9000000 funcref))", "(module (memory 900) (memory 1))",
])
def test_module_that_needs_more_than_the_limit_is_refused(text):
    with pytest.raises(ModuleError, match=r"can't be instantiated.*MiB.*memory_limit"):
        instance(text, 64 * MIB)


@pytest.mark.parametrize(("elements", "fits"), [(10_000_000, True), (10_000_001, False)])
def test_table_has_at_most_as_many_elements_as_in_envoy(elements, fits):
    text = f"(module (table {elements} funcref))"
    if fits:
        instance(text, 1 << 30).close()
    else:
        with pytest.raises(ModuleError, match="can't be instantiated"):
            instance(text, 1 << 30)
