"""Faults for the interpreter and the translator, each of which the comparison with wasmtime has to find.

    python -m tests.release.planted_faults [PART OF A NAME]

plants them and one fault in each handler, and lists the faults that aren't found.
"""

import re
import threading
from functools import cache, partial
from unittest import mock

from tests.release.differential import Case, make_engine, random_hot
from wasmnb.compiler.release.module_assembly import split_module, stubs
from wasmnb.compiler.release.module_assembly import liveness
from wasmnb.compiler.release.interpreter import translator, value_instructions
from wasmnb.compiler.release.interpreter.handlers import next_operation
from wasmnb.compiler.release.interpreter.opcodes import COMPARISONS, IMMEDIATE, LOADS, NUMERIC, SATURATING, STORES

#: Generated modules, of this many functions, that a fault may need until it is found.
SEEDS, FUNCTIONS = range(50_000, 50_060), 300

#: Name -> (part of the interpreter's text, its replacement).
IN_TEXT = {
    "locals aren't zeroed": ("(i64.store (local.get $slot) (i64.const 0))", ""),
    "addresses wrap around": ("(i32.sub (i32.const 0) (i32.lt_u (local.get $sum) (local.get $offset)))", "(i32.const 0)"),
    "the last entry of a br_table isn't the default": ("(i32.gt_u (local.get $index)", "(i32.eq (local.get $index)"),
    "callers continue one operation too late": ("(i32.add (local.get $operation) (i32.const 8))", "(i32.add (local.get $operation) (i32.const 16))"),
    "types of slots aren't compared": ("(i32.eq (i32.load16_u (call $code (local.get $at))) (local.get $type))", "(i32.const 1)"),
    "frames of compiled callees overlap the caller's": ("(global.set $stack (local.get $frame))", "(global.set $stack (local.get 1))"),
    "constants of 64 bits are extended without their sign": ("(i64.extend_i32_s (i32.load offset=4", "(i64.extend_i32_u (i32.load offset=4"),
    "small constants are extended without their sign": ("(i32.load16_s offset=6 (local.get 0))", "(i32.load16_u offset=6 (local.get 0))"),
    "offsets are cut to a byte": ("(i32.load16_u offset=6 (local.get 0)))", "(i32.load8_u offset=6 (local.get 0)))"),
    "results of interpreted functions are cut to 32 bits": ("(i64.store (local.get 1) (i64.load", "(i64.store32 (local.get 1) (i64.load"),
    "arguments of compiled functions are read from the wrong place": ("load offset=8 (local.get $frame)", "load offset=16 (local.get $frame)"),
    "locals of an exit stay where it wrote them": ("(i32.wrap_i64 (i64.popcnt (local.get $live)))", "(i32.wrap_i64 (local.tee $live (i64.const 0)))"),
    "locals of an exit are moved from the first to the last": ("(i64.sub (i64.const 63) (i64.clz (local.get $live)))", "(i64.ctz (local.get $live))"),
    "the link of a resumed call is lost": ("(i64.store (i32.add (local.get $frame) (local.get $link))", "(i64.store (i32.add (local.get $frame) (i32.const 0))"),
}


def forgets_reads(right):
    """Values that were read from a local before it changes aren't kept."""

    def local_set(self, place):
        kept, self.stack[:-1] = self.stack[:-1], [-8] * (len(self.stack) - 1)
        right(self, place)
        self.stack[:] = kept

    return local_set


def negates(right):
    return lambda self, operation, *, when: right(self, operation, when=not when)


def drops_offset(right):
    return lambda self, index, offset: right(self, index, offset & 0xFFFF)


def drops_global(right):
    def call(self, instruction):
        code = right(self, instruction)
        return instruction if instruction[:1] == b"\x11" else code

    return call


def keeps_frame(right):
    def enter(self, *arguments):
        before, set_stack, behind = right(self, *arguments).rpartition(b"\x24" + self._stack)
        assert set_stack
        return before + b"\x1a" + behind

    return enter


def reads_one_pass(right):
    """Locals that only the next round of a loop reads count as dead."""
    return lambda *arguments: right(*arguments) and False


def passes_fewer(right):
    """An exit doesn't pass the last local that is live."""
    return lambda self, place, *more: right(self, place._replace(live=place.live[:-1]), *more)


#: Name -> (class, attribute, function that makes the faulty attribute from the right one).
IN_ATTRIBUTES = {
    "values that were read from a local change with it": (value_instructions.ValueInstructions, "_local_set", forgets_reads),
    "comparisons before branches are inverted": (translator.Translator, "_fused", negates),
    "results stay where they are when a block is left": (translator.Translator, "_settle_result", lambda right: lambda self, label: None),
    "large offsets are cut": (value_instructions.ValueInstructions, "_address", drops_offset),
    "called slots are unknown": (split_module.SplitModule, "_call", drops_global),
    "frames are never freed": (stubs.Stubs, "_enter", keeps_frame),
    "loops are analysed once": (liveness, "_run", reads_one_pass),
    "exits pass one local too few": (stubs.Stubs, "exit", passes_fewer),
}


def siblings():
    """Return operation -> another operation with the same operands and result, with which it could be confused."""
    groups = {}
    for n in (*NUMERIC.values(), *SATURATING.values()):
        if "reinterpret" not in n.name:  # these have no operation
            groups.setdefault((n.params, n.result), []).append(n.name)
    for table, kind in ((LOADS, "load"), (STORES, "store")):
        for name, value in table.values():
            groups.setdefault((kind, value), []).append(name)
    groups["immediate"] = [f"{name}#" for name in sorted(IMMEDIATE)]
    for suffix in ("", "#"):
        groups["branch", suffix] = [f"br.{name}{suffix}" for name in sorted(COMPARISONS)]
    groups["bulk"] = ["memory.copy", "memory.fill"]
    groups["branches"] = ["br_if", "br_unless"]
    return {name: group[i - 1] for group in groups.values() if len(group) > 1 for i, name in enumerate(group)}


#: Operations without siblings: the fault leaves them out. (Operations that have two words are larger.)
SKIPPED = {"address": 2, "const64": 2, "select": 2, **dict.fromkeys(("move", "const32", "const64s", "br", "memory.size", "memory.grow", "f32.store", "f64.store", "f32.load", "f64.load", "f32.demote_f64", "f64.promote_f32"), 1)}


def in_handler(name):
    """Replace an operation with another operation, or skip it."""
    other = siblings().get(name)

    def faulty(right, operations, *more):
        text = right(operations, *more)
        body = r"(?m)^  \(func \$op%d \(type \$handler\) (.*)\)$"
        mine = re.search(body % operations.numbers[name], text)
        wrong = next_operation(SKIPPED[name]) if other is None else re.search(body % operations.numbers[other], text)[1]
        assert mine[1] != wrong
        return text[: mine.start(1)] + wrong + text[mine.end(1) :]

    return mock.patch.object(split_module, "interpreter_text", partial(faulty, split_module.interpreter_text))


def in_text(old, new):
    """Replace a part of the interpreter's text."""

    def faulty(right, *arguments):
        text = right(*arguments)
        assert old in text
        return text.replace(old, new)

    return mock.patch.object(split_module, "interpreter_text", partial(faulty, split_module.interpreter_text))


def in_attribute(owner, attribute, wrong):
    """Replace a method."""
    return mock.patch.object(owner, attribute, wrong(getattr(owner, attribute)))


#: Name of each fault -> function that returns a context in which it is planted.
CHOSEN = {name: partial(in_text, *parts) for name, parts in IN_TEXT.items()}
CHOSEN |= {name: partial(in_attribute, *parts) for name, parts in IN_ATTRIBUTES.items()}
HANDLERS = {f"handler of {name}": partial(in_handler, name) for name in (*siblings(), *SKIPPED)}


class Finder:
    """Looks for planted faults in generated modules. A call that doesn't end is interrupted, and counts as a difference."""

    def __init__(self):
        self.engine = make_engine(interruptible=True)
        self.case = cache(lambda seed: Case(self.engine, seed, FUNCTIONS))
        self.closed = threading.Event()
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self):
        while not self.closed.wait(0.1):
            self.engine.increment_epoch()

    def seed(self, planted, *, translates=False):
        """Return the first seed whose module shows the fault, or None. With `translates`, the translator has it as well."""
        for seed in SEEDS:
            with planted():
                case = Case(self.engine, seed, FUNCTIONS) if translates else self.case(seed)
                if case.difference(case.split(random_hot(seed) if seed % 2 else {})):
                    return seed
        return None


def main(part=""):
    """Plant the faults whose names contain `part`, and print those that aren't found."""
    finder = Finder()
    lost = []
    faults = {name: planted for name, planted in {**CHOSEN, **HANDLERS}.items() if part in name}
    for name, planted in faults.items():
        seed = finder.seed(planted, translates=name in IN_ATTRIBUTES)
        if seed is None:
            lost.append(name)
        print(f"{name}: {'NOT FOUND' if seed is None else f'seed {seed}'}", flush=True)
    print(f"{len(faults)} faults, {len(lost)} not found: {', '.join(lost)}")
    return len(lost)


if __name__ == "__main__":
    import sys

    sys.exit(int(main(*sys.argv[1:]) > 0))
