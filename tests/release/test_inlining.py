"""Nothing but small functions is inlined by a V8 without counts of calls. The rule is that of V8 14.6, see `inlining.py`."""

import pytest

from tests.release.differential import random_hot, split
from tests.release.wasm_generator import Generator
from wasmnb import Filter
from wasmnb.compiler.release.module_assembly.inlining import FILLERS, filler
from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.compiler.wasm_binary.relocations import instructions
from wasmnb.parsing.leb128 import Reader


def inlined(wasm, growth):
    """Sizes of the functions that V8 inlines directly into each function, for a budget that is this multiple of its size."""
    module = CoreModule.read(wasm)
    imported = len(module.imported("func"))
    sizes = [end - start for start, end in module.code]
    for start, end in module.code:
        if not {0x10, 0x12} & set(module.data[start:end]):
            continue
        budget, count, inlined_sizes = max(50, int(growth * (end - start))), 0, []
        for instruction in instructions(module.data, start, end):
            if instruction[0] in {0x10, 0x12}:
                callee = Reader(instruction, 1).u32() - imported
                if callee >= 0 and sizes[callee] < budget and count < 60:
                    budget -= sizes[callee]
                    count += 1
                    if callee >= len(FILLERS):
                        inlined_sizes.append(sizes[callee])
        yield inlined_sizes


@pytest.fixture(scope="module")
def release():
    source = "class Plain(HttpContext):\n    def on_http_request_headers(self, n, end):\n        return Action.CONTINUE\n"
    return Filter.from_source(source, name="plain").release().wasm


@pytest.mark.slow
@pytest.mark.parametrize("growth", [2, 2.7, 3.3, 4, 5])
def test_only_tiny_functions_are_inlined_into_release_modules(release, growth):
    functions = list(inlined(release, growth))
    assert len(functions) > 1000
    assert max(size for sizes in functions for size in sizes) <= min(FILLERS)
    assert max(map(sum, functions)) < 2 * min(FILLERS)


def test_generated_modules_keep_their_calls():
    for seed in range(5):
        generated = Generator(seed, 40, 3).module()
        for sizes in inlined(split(generated, random_hot(seed)), 5):
            assert sum(sizes) < 2 * min(FILLERS)


@pytest.mark.parametrize("size", [*FILLERS, 3, 5, 9, 10, 100])
def test_filler_has_its_size(size):
    assert len(filler(size)) == size
