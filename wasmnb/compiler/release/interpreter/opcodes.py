"""Tables of the WebAssembly instructions that the interpreter supports: arithmetic, loads, stores and saturating truncation.

The source is https://webassembly.github.io/spec/core/binary/instructions.html. The handlers (`handlers.py`) and the decoder
(`decoder.py`) use the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMPARISONS", "IMMEDIATE", "LOADS", "NUMERIC", "SATURATING", "STORES", "Numeric"]


@dataclass(frozen=True)
class Numeric:
    """An instruction with operands on the stack and one result.

    Attributes
    ----------
    name
        Name of the instruction in the text format.
    params, result
        Types of the operands, and type of the result.
    """

    name: str
    params: tuple[str, ...]
    result: str


def _integer_comparisons() -> str:
    return "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"


_UNARY = {"clz", "ctz", "popcnt", "abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"}

_FLOAT_COMPARISONS = "eq ne lt gt le ge"
_INTEGER_ARITHMETIC = "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"
_FLOAT_ARITHMETIC = "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign"

#: Conversions from opcode 0xA7 on, as (name, type of the operand).
_CONVERSIONS = (
    ("i32.wrap_i64", "i64"),
    ("i32.trunc_f32_s", "f32"), ("i32.trunc_f32_u", "f32"), ("i32.trunc_f64_s", "f64"), ("i32.trunc_f64_u", "f64"),
    ("i64.extend_i32_s", "i32"), ("i64.extend_i32_u", "i32"),
    ("i64.trunc_f32_s", "f32"), ("i64.trunc_f32_u", "f32"), ("i64.trunc_f64_s", "f64"), ("i64.trunc_f64_u", "f64"),
    ("f32.convert_i32_s", "i32"), ("f32.convert_i32_u", "i32"), ("f32.convert_i64_s", "i64"), ("f32.convert_i64_u", "i64"),
    ("f32.demote_f64", "f64"),
    ("f64.convert_i32_s", "i32"), ("f64.convert_i32_u", "i32"), ("f64.convert_i64_s", "i64"), ("f64.convert_i64_u", "i64"),
    ("f64.promote_f32", "f32"),
    ("i32.reinterpret_f32", "f32"), ("i64.reinterpret_f64", "f64"),
    ("f32.reinterpret_i32", "i32"), ("f64.reinterpret_i64", "i64"),
    ("i32.extend8_s", "i32"), ("i32.extend16_s", "i32"),
    ("i64.extend8_s", "i64"), ("i64.extend16_s", "i64"), ("i64.extend32_s", "i64"),
)  # fmt: skip


def _numeric() -> dict[int, Numeric]:
    """Return the numeric instructions by opcode."""
    table = [Numeric("i32.eqz", ("i32",), "i32")]
    table += [Numeric(f"i32.{n}", ("i32", "i32"), "i32") for n in _integer_comparisons().split()]
    table += [Numeric("i64.eqz", ("i64",), "i32")]
    table += [Numeric(f"i64.{n}", ("i64", "i64"), "i32") for n in _integer_comparisons().split()]
    table += [Numeric(f"{t}.{n}", (t, t), "i32") for t in ("f32", "f64") for n in _FLOAT_COMPARISONS.split()]
    for kind, names in (
        ("i32", _INTEGER_ARITHMETIC), ("i64", _INTEGER_ARITHMETIC), ("f32", _FLOAT_ARITHMETIC), ("f64", _FLOAT_ARITHMETIC)
    ):  # fmt: skip
        table += [Numeric(f"{kind}.{n}", (kind,) * (1 if n in _UNARY else 2), kind) for n in names.split()]
    table += [Numeric(name, (operand,), name[:3]) for name, operand in _CONVERSIONS]
    return dict(enumerate(table, 0x45))


#: Opcode -> instruction.
NUMERIC = _numeric()

#: Opcode -> (name, type of the value).
LOADS = dict(
    enumerate(
        [
            ("i32.load", "i32"), ("i64.load", "i64"), ("f32.load", "f32"), ("f64.load", "f64"),
            ("i32.load8_s", "i32"), ("i32.load8_u", "i32"), ("i32.load16_s", "i32"), ("i32.load16_u", "i32"),
            ("i64.load8_s", "i64"), ("i64.load8_u", "i64"), ("i64.load16_s", "i64"), ("i64.load16_u", "i64"),
            ("i64.load32_s", "i64"), ("i64.load32_u", "i64"),
        ],
        0x28,
    )
)  # fmt: skip

#: Opcode -> (name, type of the value).
STORES = dict(
    enumerate(
        [
            ("i32.store", "i32"), ("i64.store", "i64"), ("f32.store", "f32"), ("f64.store", "f64"),
            ("i32.store8", "i32"), ("i32.store16", "i32"),
            ("i64.store8", "i64"), ("i64.store16", "i64"), ("i64.store32", "i64"),
        ],
        0x36,
    )
)  # fmt: skip

#: Byte after the prefix 0xFC -> instruction.
SATURATING = dict(
    enumerate(
        Numeric(f"{to}.trunc_sat_{source}_{sign}", (source,), to)
        for to in ("i32", "i64")
        for source in ("f32", "f64")
        for sign in ("s", "u")
    )
)

#: Instructions for which there is also an operation whose second operand is a sign-extended 16-bit constant.
IMMEDIATE = frozenset(
    {f"i32.{n}" for n in ("add", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", *_integer_comparisons().split())}
)

#: Comparisons for which there is also an operation with a branch -> the opposite comparison.
COMPARISONS = {
    f"i32.{name}": f"i32.{opposite}"
    for pair in (("eq", "ne"), ("lt_s", "ge_s"), ("lt_u", "ge_u"), ("gt_s", "le_s"), ("gt_u", "le_u"))
    for name, opposite in (pair, pair[::-1])
}
