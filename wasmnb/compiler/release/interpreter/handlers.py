"""The interpreter as WebAssembly text. Each operation has a handler, which is a small function.

The handlers are in a second table. The module's own table keeps its size, so a call of a missing slot still traps. In the
second table, the handlers are followed by the compiled functions that interpreted code calls directly.

A handler ends with a tail call of the next operation's handler, so that the engine's stack doesn't grow. Arithmetic is done
with the same instruction as in the original code, so its results and traps are those of the engine.

The parameters of a handler are the address of its operation ($0) and the address of the frame ($1).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from importlib.resources import files

from ....parsing.wasm_types import Signature
from .layout import Layout
from .opcodes import COMPARISONS, IMMEDIATE, LOADS, NUMERIC, SATURATING, STORES
from .operations import SIZE, Operations

__all__ = ["READERS", "interpreter_text"]

#: Names of the passive segments that the interpreter reads, in the order of the segments.
READERS = ("cold", "image", "archive")

#: Addresses of the three operands in the frame, and a 32-bit constant.
_D, _A, _B = (f"(i32.add (local.get 1) (i32.load16_u offset={at} (local.get 0)))" for at in (2, 4, 6))
_CONSTANT = "(i32.load offset=4 (local.get 0))"
_SHORT = {at: f"(i32.load16_s offset={at} (local.get 0))" for at in (4, 6)}

#: Instruction that stores a value, by its type.
_STORE = {"i32": "i32.store", "i64": "i64.store", "f32": "f32.store", "f64": "f64.store"}


def _go(address: str, frame: str = "(local.get 1)") -> str:
    """Return code that continues with the operation at an address. `address` must be a local."""
    return f"(return_call_indirect $own (type $handler) {address} {frame} (i32.load16_u {address}))"


def next_operation(words: int = 1) -> str:
    at = words * SIZE
    return (
        f"(return_call_indirect $own (type $handler) (i32.add (local.get 0) (i32.const {at})) (local.get 1) "
        f"(i32.load16_u offset={at} (local.get 0)))"
    )


def _jump(distance: str) -> str:
    """Return code that continues with the operation at a distance in bytes from the current one."""
    return f"(local.set 0 (i32.add (local.get 0) {distance})) {_go('(local.get 0)')}"


_SHORT_JUMP = _jump(f"(i32.shl {_SHORT[6]} (i32.const 3))")
#: The link is read before the result is written, because in a frame without parameters and locals both are at the same place.
_READ_LINK = f"(local $link i64) (local.set $link (i64.load {_D}))"
_RESUME_CALLER = (
    "(local.set 1 (i32.wrap_i64 (i64.shr_u (local.get $link) (i64.const 32)))) "
    "(local.set 0 (i32.wrap_i64 (local.get $link))) " + _go("(local.get 0)")
)


def interpreter_text(
    operations: Operations,
    types: Mapping[int, Signature],
    globals_: Mapping[int, str],
    layout: Layout,
    compiled: Container[int],
) -> str:
    """Return the interpreter as a module in WebAssembly text.

    Parameters
    ----------
    operations
        Operations for the interpreted module.
    types
        Index of each function type -> signature.
    globals_
        Index of each mutable global of the interpreted module -> type.
    layout
        Addresses of the interpreter's tables.
    compiled
        Indexes of the types of compiled functions that interpreted code calls directly.
    """
    handlers = {
        **_control(), **_constants(), **_memory(), **_numeric(), **_branches(), **_globals(globals_),
        **_direct_calls(types, layout, compiled), **_indirect_calls(types),
    }  # fmt: skip
    numbers: dict[str, int] = {}  # equal handlers share a function
    for number, name in enumerate(operations.names):
        numbers.setdefault(handlers[name], number)
    bodies = [f"  (func $op{number} (type $handler) {handler})" for handler, number in numbers.items()]
    names = " ".join(f"$op{numbers[handlers[name]]}" for name in operations.names)
    kinds = [f"  (type $t{number} (func {_signature(s)}))" for number, s in types.items()]
    return "\n".join(
        (
            "(module",
            '  (import "filter" "memory" (memory 0))',
            '  (import "filter" "table" (table $filter 0 funcref))',
            *(f'  (import "filter" "read-{n}" (func $read-{n} (param i32 i32 i32)))' for n in READERS),
            *(f'  (import "filter" "global {g}" (global $g{g} (mut {kind})))' for g, kind in globals_.items()),
            f"  (table $own {len(operations.names)} funcref)",
            "  (type $handler (func (param i32 i32)))",
            *kinds,
            (files(__package__) / "calls.wat").read_text().format_map(layout.constants),
            (files(__package__) / "inflate.wat").read_text(),
            (files(__package__) / "lzma.wat").read_text(),
            *bodies,
            f"  (elem (table $own) (i32.const 0) func {names})",
            ")",
        )
    )


def _signature(signature: Signature) -> str:
    params, results = signature
    return f"(param {' '.join(params)}) (result {' '.join(results)})".replace("(param )", "").replace("(result )", "")


def _control() -> dict[str, str]:
    entry = (
        f"(local $index i32) (local.set $index (i32.load {_D})) "
        f"(if (i32.gt_u (local.get $index) {_CONSTANT}) (then (local.set $index {_CONSTANT}))) "
        + _jump(f"(i32.load offset={SIZE} (i32.add (local.get 0) (i32.shl (local.get $index) (i32.const 2))))")
    )
    taken = _jump(_CONSTANT)
    return {
        "halt": "",
        "unreachable": "unreachable",
        "br": taken,
        "br_if": f"(if (i32.load {_D}) (then {taken})) {next_operation()}",
        "br_unless": f"(if (i32.eqz (i32.load {_D})) (then {taken})) {next_operation()}",
        "br_table": entry,
        "return": f"{_READ_LINK} (i64.store (local.get 1) (i64.load {_A})) {_RESUME_CALLER}",
        "return_void": f"{_READ_LINK} {_RESUME_CALLER}",
    }


def _constants() -> dict[str, str]:
    chosen = f"(select (i64.load {_A}) (i64.load {_B}) (i32.load (i32.add (local.get 1) (i32.load16_u offset={SIZE} (local.get 0)))))"
    return {
        "move": f"(i64.store {_D} (i64.load {_A})) {next_operation()}",
        "const32": f"(i32.store {_D} {_CONSTANT}) {next_operation()}",
        "const64s": f"(i64.store {_D} (i64.extend_i32_s {_CONSTANT})) {next_operation()}",
        "const64": f"(i64.store {_D} (i64.load offset={SIZE} (local.get 0))) {next_operation(2)}",
        "select": f"(i64.store {_D} {chosen}) {next_operation(2)}",
    }


def _memory() -> dict[str, str]:
    """Return the handlers of loads, stores, and other memory operations. They trap if an address overflows."""
    handlers = {
        "address": f"(i32.store {_D} (call $address (i32.load {_A}) (i32.load offset={SIZE} (local.get 0)))) {next_operation(2)}",
        "memory.size": f"(i32.store {_D} (memory.size)) {next_operation()}",
        "memory.grow": f"(i32.store {_D} (memory.grow (i32.load {_A}))) {next_operation()}",
        "memory.copy": f"(memory.copy (i32.load {_D}) (i32.load {_A}) (i32.load {_B})) {next_operation()}",
        "memory.fill": f"(memory.fill (i32.load {_D}) (i32.load {_A}) (i32.load {_B})) {next_operation()}",
    }
    address = f"(call $address (i32.load {_A}) (i32.load16_u offset=6 (local.get 0)))"
    for name, kind in LOADS.values():
        handlers[name] = f"({_STORE[kind]} {_D} ({name} {address})) {next_operation()}"
    for name, kind in STORES.values():
        handlers[name] = f"({name} {address} ({kind}.load {_D})) {next_operation()}"
    return handlers


def _numeric() -> dict[str, str]:
    handlers = {}
    for numeric in (*NUMERIC.values(), *SATURATING.values()):
        operands = " ".join(f"({kind}.load {at})" for kind, at in zip(numeric.params, (_A, _B), strict=False))
        handlers[numeric.name] = f"({_STORE[numeric.result]} {_D} ({numeric.name} {operands})) {next_operation()}"
    for name in IMMEDIATE:
        handlers[f"{name}#"] = f"(i32.store {_D} ({name} (i32.load {_A}) {_SHORT[6]})) {next_operation()}"
    return handlers


def _branches() -> dict[str, str]:
    """Return the handlers of operations that compare `d` and `a`, and branch by `b` operations depending on the result."""
    handlers = {}
    for name in COMPARISONS:
        for suffix, right in (("", f"(i32.load {_A})"), ("#", _SHORT[4])):
            handlers[f"br.{name}{suffix}"] = (
                f"(if ({name} (i32.load {_D}) {right}) (then {_SHORT_JUMP})) {next_operation()}"
            )
    return handlers


def _globals(globals_: Mapping[int, str]) -> dict[str, str]:
    handlers = {}
    for number, kind in globals_.items():
        handlers[f"global.get {number}"] = f"({_STORE[kind]} {_D} (global.get $g{number})) {next_operation()}"
        handlers[f"global.set {number}"] = f"(global.set $g{number} ({kind}.load {_A})) {next_operation()}"
    return handlers


def _direct_calls(types: Mapping[int, Signature], layout: Layout, compiled: Container[int]) -> dict[str, str]:
    handlers = {}
    for number, signature in types.items():
        to_compiled = (
            "(if (i32.and (local.get $callee) (i32.const 1)) (then "
            f"(local.set $callee (i32.shr_u (local.get $callee) (i32.const 1))) {_compiled_call('$own', number, signature)} {next_operation()})) "
        )
        handlers[f"call {number}"] = (
            "(local $frame i32) (local $callee i32) "
            f"(local.set $frame {_D}) "
            f"(local.set $callee (i32.load offset={layout.functions} (i32.add (global.get $base) (i32.shl {_CONSTANT} (i32.const 2))))) "
            + (to_compiled if number in compiled else "")
            + _INTERPRETED_CALL
        )
    return handlers


def _indirect_calls(types: Mapping[int, Signature]) -> dict[str, str]:
    return {
        f"call_indirect {number}": "(local $frame i32) (local $callee i32) "
        f"(local.set $frame {_D}) "
        f"(local.set $callee (call $cold-slot (i32.load {_A}) (i32.const {number}))) "
        f"(if (i32.eq (local.get $callee) (i32.const -1)) (then "
        f"(local.set $callee (i32.load {_A})) {_compiled_call('$filter', number, signature)} {next_operation()})) "
        + _INTERPRETED_CALL
        for number, signature in types.items()
    }


#: Code that continues in the function whose code starts at $callee. When it returns, the caller continues after this operation.
_INTERPRETED_CALL = "(return_call $call-interpreted (local.get 0) (local.get 1) (local.get $callee) (local.get $frame))"


def _compiled_call(table: str, number: int, signature: Signature) -> str:
    """Return code that calls the compiled function in slot $callee of a table. The arguments are in $frame."""
    params, results = signature
    arguments = " ".join(f"({kind}.load offset={8 * i} (local.get $frame))" for i, kind in enumerate(params))
    call = f"(call_indirect {table} (type $t{number}) {arguments} (local.get $callee))"
    if results:
        call = f"({_STORE[results[0]]} (local.get $frame) {call})"
    return f"(global.set $stack (local.get $frame)) {call}"
