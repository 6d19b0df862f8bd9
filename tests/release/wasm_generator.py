"""Generate random WebAssembly modules that are valid, terminate, and use all instructions that the interpreter knows."""

import random
import struct
from bisect import bisect_right

from wasmnb.parsing import leb128 as leb
from wasmnb.compiler.release.interpreter.opcodes import LOADS, NUMERIC, SATURATING, STORES

CODES = {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C}
TYPES = tuple(CODES)

#: Numbers at which instructions behave specially.
INTEGERS = (0, 1, -1, 2, 7, 31, 32, 63, 64, 255, 256, 0x7FFF, 0x8000, -0x8000, 0xFFFF, 0x7FFFFFFF, -0x80000000, 1 << 31, (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, -0.0, 1.0, -1.5, 0.5, 2.5, 3.0e9, -3.0e9, 1e19, -1e19, 1e-40, float("inf"), float("-inf"), float("nan"), 2147483647.0, 4294967296.0)

#: Addresses in the generated code stay within these pages, or far outside.
MEMORY_PAGES = 18
FUEL = 1  # number of the global that counts calls

#: Imported functions: a pure one, and one that calls the last function of the module.
IMPORTS = ((("i32", "i64"), ("i32",)), (("i32",), ("i64",)))

#: Instructions that trap for many operands. The operands are mostly others: an odd divisor, a number from 0 to 2^31.
DIVISIONS = (*range(0x6D, 0x71), *range(0x7F, 0x83))
TRUNCATIONS = frozenset({*range(0xA8, 0xAC), *range(0xAE, 0xB2)})

#: Ends of a loop: it repeats if the counter on the stack isn't zero.
AGAIN = (b"\x0d\x00", b"\x41\0\x4a\x0d\x00", b"\x45\x0d\x01\x0c\x00", b"\x0e\x01\x01\x00", b"\x41\x01\x48\x0e\x02\x00\x01\x01")

#: Slots of the table that are empty.
EMPTY_SLOTS = 3


class Generator:
    """Generator of one module.

    A third of the functions is exported. Split modules compile at least the head of exported functions, so the other functions
    are called by exported functions that only pass on their arguments, directly or through the table.

    Parameters
    ----------
    seed
        Seed of the module. Equal seeds generate equal modules.
    functions
        Number of functions (default 6).
    depth
        Maximum depth of nested expressions and statements (default 4).
    """

    def __init__(self, seed, functions=6, depth=4):
        self.random = random.Random(seed)
        self.depth = depth
        self.signatures = []
        for _ in range(functions):
            params = tuple(self.random.choices(TYPES, k=self.random.randrange(5)))
            results = tuple(self.random.choices(TYPES, k=self.random.randrange(2)))
            self.signatures.append((params, results))
        self.signatures[-1] = (), ("i64",)
        self.types = list(dict.fromkeys((*self.signatures, *IMPORTS)))
        self.with_result = {r: [n for n, s in enumerate(self.signatures) if s[1] == r] for r in ((), *((t,) for t in TYPES))}
        self.ways = [self.random.choice(("exported", "direct", "indirect")) for _ in range(functions - 1)] + ["exported"]
        self.by_result = {t: [s for s, (k, _) in {**{n: (d.result, d.params) for n, d in NUMERIC.items()}}.items() if k == t] for t in TYPES}
        #: Function of each slot of the table, imported ones first.
        self.slots = [*self.random.sample(range(functions + len(IMPORTS)), functions + len(IMPORTS)), *[None] * EMPTY_SLOTS]
        self.slot_of = {function: slot for slot, function in enumerate(self.slots) if function is not None}

    # -- expressions --------------------------------------------------------------------------------------------------

    def constant(self, kind):
        r = self.random
        if kind in ("i32", "i64"):
            bits = 32 if kind == "i32" else 64
            value = r.choice(INTEGERS) if r.random() < 0.6 else r.getrandbits(bits)
            value = (value & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1)
            return (b"\x41" if kind == "i32" else b"\x42") + leb.signed(value)
        size, letter, code = (4, "f", b"\x43") if kind == "f32" else (8, "d", b"\x44")
        data = struct.pack(f"<{letter}", r.choice(FLOATS)) if r.random() < 0.7 else r.randbytes(size)
        return code + data

    def local(self, kind):
        """Return the number of a local of that type, or None."""
        numbers = [i for i, k in enumerate(self.locals) if k == kind]
        return self.random.choice(numbers) if numbers else None

    def address(self, depth):
        """Return an address in the first page, or rarely an address near the end of the memory or far outside."""
        rare = (b"\x41" + leb.signed(0x1FFF0) + b"\x71", b"\x41" + leb.signed(0x40000000) + b"\x72")
        near = b"\x41" + leb.signed(0xFFF) + b"\x71"
        return self.expression("i32", depth) + (near if self.random.random() < 0.97 else self.random.choice(rare))

    def offset(self):
        r = self.random
        return leb.unsigned(r.choice((0, 1, 4, 8, 60, 255, 4096)) if r.random() < 0.98 else r.choice((65535, 65536, 1 << 20, (1 << 32) - 1, (1 << 32) - 4)))

    def memory(self):
        return leb.unsigned(0) + self.offset()

    def expression(self, kind, depth):
        r = self.random
        if depth <= 0 or r.random() < 0.12:
            place = self.local(kind)
            return b"\x20" + leb.unsigned(place) if place is not None and r.random() < 0.7 else self.constant(kind)
        choice = r.choice((self.numeric, self.numeric, self.numeric, self.load, self.tee, self.select, self.block, self.arms, self.called, self.saturating, self.special, self.simple_add))
        return choice(kind, depth - 1)

    def simple_add(self, kind, depth):
        """Combine an integer with a small constant, for which the translator has one operation."""
        if kind != "i32":
            return self.numeric(kind, depth)
        return self.expression("i32", depth) + b"\x41" + leb.signed(self.random.randrange(-40, 40)) + bytes([self.random.choice((0x6A, 0x6B, 0x6C, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, *range(0x46, 0x50)))])

    def numeric(self, kind, depth):
        opcode = self.random.choice(self.by_result[kind])
        operands = b"".join(self.expression(k, depth) for k in NUMERIC[opcode].params)
        if opcode in DIVISIONS and self.random.random() < 0.9:
            operands += (b"\x41\x01\x72", b"\x42\x01\x84")[DIVISIONS.index(opcode) // 4]
        elif opcode in TRUNCATIONS and self.random.random() < 0.9:
            operands = self.expression("i32", depth) + b"\x41\x01\x76" + (b"\xb2" if NUMERIC[opcode].params == ("f32",) else b"\xb7")
        return operands + bytes([opcode])

    def saturating(self, kind, depth):
        numbers = [n for n, d in SATURATING.items() if d.result == kind]
        if not numbers:
            return self.numeric(kind, depth)
        number = self.random.choice(numbers)
        return self.expression(SATURATING[number].params[0], depth) + b"\xfc" + leb.unsigned(number)

    def load(self, kind, depth):
        opcode = self.random.choice([o for o, (_, k) in LOADS.items() if k == kind])
        return self.address(depth) + bytes([opcode]) + self.memory()

    def tee(self, kind, depth):
        place = self.local(kind)
        if place is None:
            return self.constant(kind)
        return self.expression(kind, depth) + b"\x22" + leb.unsigned(place)

    def select(self, kind, depth):
        return self.expression(kind, depth) + self.expression(kind, depth) + self.expression("i32", depth) + b"\x1b"

    def block(self, kind, depth):
        """Return a block with a result, which can also come from branches."""
        self.labels.append(kind)
        code = b""
        for _ in range(self.random.randrange(3)):
            code += self.statement(depth)
        if self.random.random() < 0.6:
            code += self.expression(kind, depth) + self.condition(depth) + b"\x0d" + self.target(kind) + b"\x1a"
        code += self.expression(kind, depth)
        if self.random.random() < 0.2:
            code += b"\x0c\x00"
        elif self.random.random() < 0.15:
            code += self.index(depth) + b"\x0e" + leb.vector(self.target(kind) for _ in range(self.random.randrange(4))) + self.target(kind)
        self.labels.pop()
        return bytes([0x02, CODES[kind]]) + code + b"\x0b"

    def target(self, kind):
        """Return the innermost block or, less often, another block or the function if it has a result of the same type."""
        places = [d for d, k in enumerate(reversed(self.labels)) if k == kind]
        if self.signatures[self.number][1] == (kind,):
            places.append(len(self.labels))
        return leb.unsigned(self.random.choice(places) if self.random.random() < 0.4 else 0)

    def index(self, depth):
        """Return the operand of a br_table, which is often small."""
        return self.expression("i32", depth) + (b"\x41\x07\x71" if self.random.random() < 0.8 else b"")

    def arms(self, kind, depth):
        condition = self.condition(depth)
        self.labels.append(kind)
        code = condition + bytes([0x04, CODES[kind]]) + self.statements(depth, 1) + self.expression(kind, depth) + b"\x05"
        code += self.statements(depth, 1) + self.expression(kind, depth) + b"\x0b"
        self.labels.pop()
        return code

    def condition(self, depth):
        r = self.random
        if r.random() < 0.2:
            return self.expression("i32", depth) + self.expression("i32", depth) + bytes([r.randrange(0x46, 0x50)])
        if r.random() < 0.6:
            return self.expression("i32", depth) + (b"\x45" if r.random() < 0.4 else b"\x41" + leb.signed(r.randrange(-3, 4)) + bytes([r.randrange(0x46, 0x50)]))
        return self.expression("i32", depth)

    def called(self, kind, depth):
        """A call of a later function, directly or through the table."""
        if depth >= 1 and kind in ("i32", "i64") and self.random.random() < 0.1:
            return self.call(0 if kind == "i32" else 1, IMPORTS[kind == "i64"], depth)
        number = self.callee((kind,))
        return self.numeric(kind, depth) if number is None or depth < 1 else self.own_call(number, depth)

    def callee(self, results):
        """Return a later function with these results, or rarely any function. The limit of calls ends recursion."""
        known = self.with_result[results]
        first = 0 if self.random.random() < 0.03 else bisect_right(known, self.number)
        return known[self.random.randrange(first, len(known))] if first < len(known) else None

    def own_call(self, number, depth):
        return self.call(number + len(IMPORTS), self.signatures[number], depth)

    def call(self, number, signature, depth):
        code = b"".join(self.expression(k, depth - 1) for k in signature[0])
        if self.random.random() < 0.5:
            return code + b"\x10" + leb.unsigned(number)
        slot = self.slot_of[number] if self.random.random() < 0.98 else self.random.randrange(len(self.slots) + 2)
        return code + self.through_table(slot, signature)

    def through_table(self, slot, signature):
        return b"\x41" + leb.signed(slot) + b"\x11" + leb.unsigned(self.types.index(signature)) + b"\0"

    def special(self, kind, depth):
        if kind != "i32":
            return self.numeric(kind, depth)
        grow = b"\x41" + leb.signed(self.random.choice((0, 0, 0, 0, 1, -1))) + b"\x40\0"
        return self.random.choice((b"\x3f\0", b"\x23\0", grow, b"\x23\0\x41\x01\x6a\x24\0\x23\0"))

    # -- statements -----------------------------------------------------------------------------------------------------

    def statements(self, depth, most=3):
        return b"".join(self.statement(depth) for _ in range(self.random.randrange(most + 1)))

    def statement(self, depth):
        if depth <= 0:
            return self.assign(0)
        choices = (self.assign, self.assign, self.store, self.branching, self.plain_if, self.loop, self.table, self.leave, self.bulk, self.ignored, self.set_global, self.bare_call)
        return self.random.choice(choices)(depth - 1)

    def assign(self, depth):
        if not self.locals:
            return self.ignored(depth)
        place = self.random.randrange(len(self.locals))
        return self.expression(self.locals[place], depth) + b"\x21" + leb.unsigned(place)

    def store(self, depth):
        opcode = self.random.choice(list(STORES))
        return self.address(depth) + self.expression(STORES[opcode][1], depth) + bytes([opcode]) + self.memory()

    def ignored(self, depth):
        return self.expression(self.random.choice(TYPES), depth) + b"\x1a"

    def set_global(self, depth):
        return self.expression("i32", depth) + b"\x24\0"

    def bare_call(self, depth):
        number = self.callee(())
        return self.assign(depth) if number is None or depth < 1 else self.own_call(number, depth)

    def bulk(self, depth):
        size = b"\x41" + leb.signed(0x3F) + b"\x71"
        if self.random.random() < 0.5:
            return self.address(depth) + self.address(depth) + self.expression("i32", depth) + size + b"\xfc\x0a\0\0"
        return self.address(depth) + self.expression("i32", depth) + self.expression("i32", depth) + size + b"\xfc\x0b\0"

    def branching(self, depth):
        """A block that is left early."""
        self.labels.append(None)
        code = self.statements(depth)
        code += self.condition(depth) + b"\x0d\x00" + self.statements(depth)
        if self.random.random() < 0.2:
            code += b"\x0c\x00" + self.statements(depth, 1)
        self.labels.pop()
        return b"\x02\x40" + code + b"\x0b"

    def plain_if(self, depth):
        code = self.condition(depth) + b"\x04\x40"
        self.labels.append(None)
        code += self.statements(depth)
        if self.random.random() < 0.5:
            code += b"\x05" + self.statements(depth)
        self.labels.pop()
        return code + b"\x0b"

    def loop(self, depth):
        """Return a loop with up to four rounds and its own counter."""
        if self.loops >= 2 or self.bare:
            return self.assign(depth)
        counter = leb.unsigned(self.first_counter + self.loops)
        self.loops += 1
        self.labels += [None, "loop"]
        code = b"\x41" + leb.signed(self.random.randrange(1, 5)) + b"\x21" + counter + b"\x02\x40\x03\x40"
        code += self.statements(depth)
        if self.random.random() < 0.3:
            code += self.condition(depth) + b"\x0d\x01"
        code += b"\x20" + counter + b"\x41\x01\x6b\x22" + counter + self.random.choice(AGAIN) + b"\x0b\x0b"
        del self.labels[-2:]
        self.loops -= 1
        return code

    def table(self, depth):
        """Return nested blocks, one of which a br_table selects."""
        count = self.random.randrange(1, 5)
        self.labels += [None] * count
        code = b"\x02\x40" * count + self.index(depth)
        code += b"\x0e" + leb.vector(leb.unsigned(self.random.randrange(count)) for _ in range(self.random.randrange(6))) + leb.unsigned(self.random.randrange(count))
        for _ in range(count):
            self.labels.pop()
            code += b"\x0b" + self.statements(depth, 1)
        return code

    def leave(self, depth):
        """Return code that, under a condition, returns, traps, or leaves several blocks with or without a value."""
        r = self.random
        head = self.condition(depth)
        self.labels.append(None)
        places = [d for d, k in enumerate(reversed(self.labels)) if k != "loop"]
        target = r.choice(places)
        kind = self.labels[-1 - target]
        value = self.expression(kind, depth) if kind in TYPES else b""
        result = b"".join(self.expression(k, depth) for k in self.signatures[self.number][1])
        code = r.choice((result + b"\x0f", value + b"\x0c" + leb.unsigned(target), result + b"\x41\x01\x0e\x01" + leb.unsigned(len(self.labels)) * 2, b"\x00" if r.random() < 0.1 else b"\x01"))
        self.labels.pop()
        return head + b"\x04\x40" + code + b"\x0b"

    # -- the module -----------------------------------------------------------------------------------------------------

    def body(self, number):
        self.number = number
        params, results = self.signatures[number]
        own = sorted(self.random.choices(TYPES, k=self.random.randrange(6)))
        self.locals = [*params, *own]
        self.first_counter = len(self.locals)
        self.bare = not self.locals and self.random.random() < 0.7
        self.loops, self.labels = 0, []
        fuel = leb.unsigned(FUEL)
        code = b"\x23" + fuel + b"\x41\x01\x6b\x24" + fuel + b"\x23" + fuel + b"\x41\0\x4c\x04\x40\x00\x0b"
        code += self.statements(self.depth, 5) + b"".join(self.expression(k, self.depth) for k in results)
        declared = [b"\x01" + bytes([CODES[k]]) for k in own] + [b"\x02\x7f"] * (not self.bare)
        return leb.vector(declared) + code + b"\x0b"

    def passing_on(self, number):
        """Return the body of an exported function that calls a function that isn't exported."""
        signature = self.signatures[number]
        arguments = b"".join(b"\x20" + leb.unsigned(n) for n in range(len(signature[0])))
        if self.ways[number] == "direct":
            return b"\0" + arguments + b"\x10" + leb.unsigned(number + len(IMPORTS)) + b"\x0b"
        return b"\0" + arguments + self.through_table(self.slot_of[number + len(IMPORTS)], signature) + b"\x0b"

    def module(self):
        """Return the module's bytes. The module exports memory, its functions f0, f1, ..., and globals g0, g1."""
        count = len(self.signatures)
        types = [b"\x60" + leb.vector(bytes([CODES[k]]) for k in p) + leb.vector(bytes([CODES[k]]) for k in r) for p, r in self.types]
        passed_on = [n for n in range(count) if self.ways[n] != "exported"]
        bodies = [self.body(n) for n in range(count)] + [self.passing_on(n) for n in passed_on]
        numbers = dict(zip(passed_on, range(count, len(bodies)), strict=True))
        exports = [leb.name("memory") + b"\x02\x00"] + [leb.name(f"f{n}") + b"\0" + leb.unsigned(numbers.get(n, n) + len(IMPORTS)) for n in range(count)]
        exports += [leb.name(f"g{n}") + b"\x03" + leb.unsigned(n) for n in range(2)]
        elements = [b"\0\x41" + leb.signed(i) + b"\x0b\x01" + leb.unsigned(f) for i, f in enumerate(self.slots) if f is not None]
        data = self.random.randbytes(4096)
        sections = {
            1: leb.vector(types),
            2: leb.vector(leb.name("host") + leb.name(f"h{n}") + b"\0" + leb.unsigned(self.types.index(s)) for n, s in enumerate(IMPORTS)),
            3: leb.vector(leb.unsigned(self.types.index(self.signatures[n])) for n in (*range(count), *passed_on)),
            4: leb.vector([b"\x70\x01" + leb.unsigned(len(self.slots)) * 2]),
            5: leb.vector([b"\0" + leb.unsigned(MEMORY_PAGES)]),
            6: leb.vector([b"\x7f\x01\x41\x05\x0b", b"\x7f\x01\x41" + leb.signed(300) + b"\x0b"]),
            7: leb.vector(exports),
            9: leb.vector(elements),
            10: leb.vector(leb.unsigned(len(b)) + b for b in bodies),
            11: leb.vector([b"\0\x41\0\x0b" + leb.unsigned(len(data)) + data]),
        }
        return leb.CORE_MAGIC + b"".join(leb.section(n, b) for n, b in sections.items())

    def arguments(self, number):
        """Return arguments for a function, as Python values for wasmtime."""
        values = []
        for kind in self.signatures[number][0]:
            data = self.constant(kind)
            if kind in ("i32", "i64"):
                values.append(leb.Reader(data, 1).signed())
            else:
                values.append(struct.unpack("<f" if kind == "f32" else "<d", data[1:])[0])
        return values
