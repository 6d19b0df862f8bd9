"""Compare runs of generated modules with runs of the same modules split into compiled and interpreted parts.

    python -m tests.release.differential FIRST_SEED LAST_SEED [FUNCTIONS_A_MODULE [DEPTH]]
"""

import ctypes
import random
import struct
from collections import Counter
from functools import cache, cached_property

import wasmtime
from wasmtime import _bindings

from tests.release.wasm_generator import FUEL as CALLS
from tests.release.wasm_generator import IMPORTS, MEMORY_PAGES, Generator
from wasmnb.parsing import leb128 as leb
from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.compiler.release.module_assembly.release_module import eager_module
from wasmnb.compiler.release.module_assembly.split_module import SplitModule, operations_for
from wasmnb.compiler.release.interpreter.translation import translate_module


#: Calls that one call of a function may cause: generated functions count them.
MOST_CALLS = 300

#: Depth of nested calls of the module by the host, at most.
MOST_DEEP = 5

#: Ticks of an interruptible engine after which a call is interrupted.
MOST_TICKS = 30

#: Arguments with which each function is called.
ARGUMENTS = 2

#: Bytes of memory that are compared.
SIZE = 65536 * MEMORY_PAGES


def make_engine(*, interruptible=False):
    """Return an engine that compiles fast, with a stack that is large enough for all calls."""
    config = wasmtime.Config()
    config.epoch_interruption = interruptible
    config.cranelift_nan_canonicalization = True
    config.cranelift_opt_level = "none"
    config.max_wasm_stack = 2 << 20
    single_pass = _bindings.wasmtime_regalloc_algorithm_t(1)
    _bindings.wasmtime_config_cranelift_regalloc_algorithm_set(config.ptr(), single_pass)
    return wasmtime.Engine(config)


def split(wasm, hot):
    """Return a module in which only the functions in `hot` are compiled.

    `hot` maps the number of a function to the offsets of the blocks to compile, or to None for the whole function. It can
    also be a function that returns such a mapping.
    """
    module = CoreModule.read(wasm)
    return split_module(wasm, module, translated(module), hot)


def translated(module):
    """Return a module's code for the interpreter.

    Every other function is in small chunks, like functions that filters often enter. Every fourth is treated as seldom entered.
    """
    count = len(module.functions)
    return translate_module(module, operations_for(module), warm=frozenset(range(0, count, 2)), seldom=frozenset(range(1, count, 4)))


def split_module(wasm, module, cold, hot):
    """Return a translated module in which only the functions in `hot` are compiled.

    It exports the address of the interpreter's stack.
    """
    hot = hot(module, cold) if callable(hot) else hot
    image = [(s.offset[0][1], wasm[s.start : s.end]) for s in module.segments]
    parts = SplitModule(module, cold, hot)
    parts.exports["stack"] = "global", parts.stack
    return eager_module(parts, image, MEMORY_PAGES)


def random_hot(seed):
    """Return a function that selects some functions to compile as a whole, and some to compile in parts."""
    rng = random.Random(seed)

    def choose(module, cold):
        hot = {}
        imported = len(module.imported("func"))
        for function in range(imported, imported + len(module.functions)):
            match rng.randrange(4):
                case 0:
                    hot[function] = None
                case 1 | 2:
                    hot[function] = frozenset(p for p in cold.points[function] if rng.random() < 0.6)
        return hot

    return choose


def pages_of(wasm):
    """Return the number of pages of a module's memory."""
    return CoreModule.read(wasm).memories[0].minimum


def with_pages(wasm, pages):
    """Return a module with more memory, because a split module also contains the interpreter's memory."""
    start, end = next((s, e) for name, s, e in CoreModule.read(wasm).sections if name == "memory")
    return wasm[: start - 2] + leb.section(5, leb.vector([b"\0" + leb.unsigned(pages)])) + wasm[end:]


class Run:
    """An instance of a module, and the outcomes of its calls."""

    def __init__(self, engine, module):
        self.store = wasmtime.Store(engine)
        self.depth = 0
        if isinstance(module, bytes):
            module = wasmtime.Module(engine, module)
        self.exports = wasmtime.Instance(self.store, module, self._host() if module.imports else []).exports(self.store)
        self.memory = self.exports["memory"]
        self.globals = [self.exports[f"g{n}"] for n in range(2)]
        self.stack = self.exports.get("stack")
        self.stack_start = self.stack and self.stack.value(self.store)

    def _host(self):
        """Return the imported functions: one that sums, and one that calls the module's last function from inside a call."""

        def total(number, other):
            return (number * 31 + other & 0xFFFFFFFF ^ 0x80000000) - 0x80000000

        def again(number):
            if self.depth == MOST_DEEP:
                return number
            self.depth += 1
            try:
                result = self.exports[self.last](self.store)
            finally:
                self.depth -= 1
            return (result + number & (1 << 64) - 1 ^ 1 << 63) - (1 << 63)

        return [
            wasmtime.Func(self.store, wasmtime.FuncType(*([getattr(wasmtime.ValType, t)() for t in types] for types in signature)), function)
            for signature, function in zip(IMPORTS, (total, again), strict=True)
        ]

    @cached_property
    def last(self):
        """Name of the module's last function."""
        return f"f{max(int(name[1:]) for name in self.exports if name[0] == 'f')}"

    def outcome(self, number, arguments):
        """Call a function. Return its result or trap, the globals, and whether the interpreter's stack is unchanged."""
        self.globals[CALLS].set_value(self.store, wasmtime.Val.i32(MOST_CALLS))
        self.store.set_epoch_deadline(MOST_TICKS)
        clean = True
        try:
            result = bits(self.exports[f"f{number}"](self.store, *arguments))
            clean = self.stack is None or self.stack.value(self.store) == self.stack_start
        except wasmtime.Trap as error:
            result = error.trap_code
        except wasmtime.WasmtimeError as error:
            result = str(error).rpartition("wasm trap:")[2]
        if self.stack:
            self.stack.set_value(self.store, wasmtime.Val.i32(self.stack_start))
        return result, [value.value(self.store) for value in self.globals], clean

    def call(self, number, arguments):
        """Call a function. Return the values of `outcome`, and the memory after the call."""
        return *self.outcome(number, arguments), bytes(self.memory.read(self.store, 0, SIZE))

    def same_memory(self, other):
        """Return whether the memories of two instances are equal."""
        return ctypes.CDLL(None).memcmp(self.memory.data_ptr(self.store), other.memory.data_ptr(other.store), SIZE) == 0


def bits(value):
    if isinstance(value, float):
        return struct.pack("<d", value)
    return value


class Case:
    """A generated module, its code for the interpreter, and the arguments with which its functions are called."""

    def __init__(self, engine, seed, functions=6, depth=4):
        generator = Generator(seed, functions, depth)
        self.engine, self.seed = engine, seed
        self.wasm = generator.module()
        self.module = CoreModule.read(self.wasm)
        self.cold = translated(self.module)
        self.calls = [(number, generator.arguments(number)) for number in range(functions) for _ in range(ARGUMENTS)]

    @cached_property
    def plain(self):
        """Function that compiles the module with a number of pages of memory."""
        return cache(lambda pages: wasmtime.Module(self.engine, with_pages(self.wasm, pages)))

    def split(self, hot):
        """Return the module with the functions in `hot` compiled."""
        return split_module(self.wasm, self.module, self.cold, hot)

    def difference(self, *splits, outcomes=None):
        """Return the first difference between the module and its splits as text, or None. `outcomes` counts results and traps."""
        plain = Run(self.engine, self.plain(pages_of(splits[0])))
        others = [Run(self.engine, other) for other in splits]
        for number, arguments in self.calls:
            expected = plain.outcome(number, arguments)
            if outcomes is not None:
                outcomes[str(expected[0]) if isinstance(expected[0], wasmtime.TrapCode) else "result"] += 1
            for other in others:
                actual = other.outcome(number, arguments)
                if expected != actual or not plain.same_memory(other):
                    return f"seed {self.seed}, function {number}{tuple(arguments)}: {expected} against {actual}"
        return None


def difference(engine, seed, *hots, functions=6, depth=4, outcomes=None):
    """Return the first difference between a generated module and its splits, like `Case.difference`."""
    case = Case(engine, seed, functions, depth)
    return case.difference(*map(case.split, hots), outcomes=outcomes)


def main(first, last, functions=1000, depth=2):
    """Compare the modules of these seeds, which are interpreted or compiled in parts, and print the differences."""
    engine = make_engine()
    differences = 0
    outcomes = Counter()
    for seed in range(first, last):
        text = difference(engine, seed, random_hot(seed) if seed % 2 else {}, functions=functions, depth=depth, outcomes=outcomes)
        if text is not None:
            differences += 1
            print(text, flush=True)
        if (seed - first) % 25 == 24:
            print(f"{(seed - first + 1) * functions:,} functions, {differences} differences", flush=True)
    print(f"{(last - first) * functions:,} functions, interpreted or in parts: {differences} differences")
    print(f"Each is called {ARGUMENTS} times: " + ", ".join(f"{n:,} {name}" for name, n in outcomes.most_common()))
    return differences


if __name__ == "__main__":
    import sys

    sys.exit(int(main(*map(int, sys.argv[1:])) > 0))
