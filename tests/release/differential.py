"""Runs a generated module as it is, and split into compiled and interpreted parts, and compares."""

import random
import struct

import wasmtime

from tests.release.wasm_generator import MEMORY_PAGES, Generator
from wasmnb.formats import leb128 as leb
from wasmnb.compiler.wasm.core_module import CoreModule
from wasmnb.compiler.release.assembly.release_module import eager_module
from wasmnb.compiler.release.assembly.split_module import SplitModule, operations_for
from wasmnb.compiler.release.interpreter.translation import translate_module


#: Instructions that a call may take; a split module takes more than the original.
FUEL = 100_000_000


def make_engine():
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    config.cranelift_opt_level = "none"
    config.consume_fuel = True
    return wasmtime.Engine(config)


def split(wasm, hot):
    """The module with only these functions compiled: number -> offsets of executed blocks, or None."""
    module = CoreModule.read(wasm)
    made = SplitModule(module, translate_module(module, operations_for(module)), hot(module) if callable(hot) else hot)
    image = [(s.offset[0][1], wasm[s.start : s.end]) for s in module.segments]
    return eager_module(made, image, MEMORY_PAGES)


def random_hot(seed):
    """Some functions compiled as a whole, some in parts, some not at all."""
    chance = random.Random(seed)

    def choose(module):
        cold = translate_module(module, operations_for(module))
        hot = {}
        for function in range(len(module.functions)):
            match chance.randrange(4):
                case 0:
                    hot[function] = None
                case 1 | 2:
                    points = list(cold.points[function])
                    hot[function] = frozenset(p for p in points if chance.random() < 0.6)
        return hot

    return choose


def with_pages_of(wasm, other):
    """The module with as much memory as another: a split module has the interpreter's behind its own."""
    pages = CoreModule.read(other).memories[0].minimum
    start, end = next((s, e) for name, s, e in CoreModule.read(wasm).sections if name == "memory")
    return wasm[: start - 2] + leb.section(5, leb.vector([b"\0" + leb.unsigned(pages)])) + wasm[end:]


class Run:
    """An instance, and what comes out of it."""

    def __init__(self, engine, wasm):
        self.store = wasmtime.Store(engine)
        self.exports = wasmtime.Instance(self.store, wasmtime.Module(engine, wasm), []).exports(self.store)

    def call(self, number, arguments):
        """Result, trap, globals, and memory after a call."""
        self.store.set_fuel(FUEL)
        try:
            result = bits(self.exports[f"f{number}"](self.store, *arguments))
        except wasmtime.Trap as error:
            result = error.trap_code
        except wasmtime.WasmtimeError as error:
            result = str(error).rpartition("wasm trap:")[2]
        memory = self.exports["memory"]
        state = [self.exports[f"g{n}"].value(self.store) for n in range(2)]
        return result, state, bytes(memory.read(self.store, 0, 65536 * MEMORY_PAGES))


def bits(value):
    if isinstance(value, float):
        return struct.pack("<d", value)
    return value


def difference(engine, seed, hot, functions=6):
    """What differs between a module and its split, as text; None if nothing does."""
    generator = Generator(seed, functions)
    wasm = generator.module()
    other_wasm = split(wasm, hot)
    plain, other = Run(engine, with_pages_of(wasm, other_wasm)), Run(engine, other_wasm)
    for number in range(functions):
        arguments = generator.arguments(number)
        expected, actual = plain.call(number, arguments), other.call(number, arguments)
        if expected != actual:
            return f"seed {seed}, function {number}{tuple(arguments)}: {expected[:2]} against {actual[:2]}"
    return None


def main(first, last, functions=24):
    """Compare modules with these seeds; print what differs."""
    engine = make_engine()
    found = 0
    for seed in range(first, last):
        for hot in ({}, random_hot(seed)):
            text = difference(engine, seed, hot, functions)
            if text is not None:
                found += 1
                print(text, flush=True)
    print(f"{(last - first) * functions} functions, each interpreted and in parts: {found} differences")


if __name__ == "__main__":
    import sys

    main(*map(int, sys.argv[1:]))
