"""Stubs of hostcalls, which are the functions that a module imports. They are generated from the ABI's table.

A stub receives the core parameters, checks and reads the memory ranges, calls the implementation, stores the results for the
guest, and adds one record to the trace. Stubs are generated as source code and compiled, which is faster than a loop over the
parameters at run time.

An implementation is called with `(context, *inputs)`. It returns `(status, *outputs)`, or only the status if there are no
outputs. The order is the same as in Envoy: inputs are read first, then the call is made, then results are stored. An invalid
result pointer is therefore reported after the call has taken effect.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from struct import Struct
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ...abi import HOSTCALLS, MAX_PAIRS, MAX_PAIRS_BYTES, Hostcall, Pair, Status, decode_pairs
from ...abi.table import Kind, Param
from ...engine import OutOfBounds
from ..trace.records import HOST_NS, LONG, HostcallSchema

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["bind", "read_pairs", "schema_of"]

#: A function that the guest imports.
HostFunction = Callable[..., Any]


def read_pairs(data: bytes) -> list[Pair]:
    """Decode a header map from the guest. If Envoy would reject the map, the result is empty."""
    if len(data) > MAX_PAIRS_BYTES or len(data) < 4 or int.from_bytes(data[:4], "little") > MAX_PAIRS:
        return []
    return decode_pairs(data) or []


@cache
def schema_of(name: str) -> HostcallSchema:
    """Return the schema of a hostcall's trace records."""
    hostcall = HOSTCALLS[name]
    return HostcallSchema(hostcall.short, hostcall.inputs, hostcall.outputs)


# -- source of a stub -----------------------------------------------------------------------------------------------

#: Nanoseconds after which a hostcall checks whether the deadline has passed.
_SLOW = 10_000_000

#: Maximum number of bytes of a log line to read.
_LONGEST_LOG = 1 << 20

_READERS = frozenset({Kind.BYTES, Kind.PAIRS, Kind.PATH})


class _StubSource:
    """Parts of the source code of one stub, collected for each parameter."""

    def __init__(self, hostcall: Hostcall) -> None:
        self.core: list[str] = []  # core parameters
        self.reads: list[str] = []
        self.passed: list[str] = []  # arguments of the implementation
        self.args: list[str] = []  # arguments in the trace
        self.bad_args: list[str] = []  # arguments in the trace if a pointer was invalid
        self.stores: list[str] = []
        self.results: list[str] = []
        self.kept: list[str] = []
        self.is_log = hostcall.name == "proxy_log"
        self.optional = hostcall.name == "proxy_call_foreign_function"  # its result pointers may be null
        for param in hostcall.inputs:
            self._input(param, f"v{len(self.passed)}")
        for param in hostcall.outputs:
            self._output(param, f"r{len(self.results)}")
        if hostcall.name == "proxy_http_call":  # Envoy checks the token's address before it starts a call
            self.reads.append(f"write_u32({self.core[-1]}, 0)")

    def _new(self) -> str:
        self.core.append(f"a{len(self.core)}")
        return self.core[-1]

    def _input(self, param: Param, name: str) -> None:
        first = self._new()
        if param.kind not in _READERS:
            self.passed.append(first)
            self.args.append(first)
            self.bad_args.append(first)
            return
        size = self._new()
        end = size
        if self.is_log:  # copies only as much as the log and the trace store
            end = f"min({size}, {_LONGEST_LOG})"
        self.reads += [
            f"if {first} + {size} > guest.size: guest.check({first}, {size})",
            f"{name} = guest.view[{first}:{first} + {end}].tobytes()",
        ]
        self.passed.append(f"read_pairs({name})" if param.kind is Kind.PAIRS else name)
        self.args.append(f"({name} if {size} <= LONG else keep({name}, {size}))")
        self.bad_args.append(f"({first}, {size})")

    def _output(self, param: Param, name: str) -> None:
        first = self._new()
        self.results.append(name)
        if param.kind is Kind.OUT_BYTES:
            size = self._new()
            skip = (f"if {first}: ", f"if {size}: ") if self.optional else ("", "")
            self.stores += [
                f"p = guest.put({name})" if not self.optional else f"p = guest.put({name}) if {first} else 0"
            ]
            self.stores += [f"{skip[0]}write_u32({first}, p)", f"{skip[1]}write_u32({size}, len({name}))"]
            self.kept.append(f"({name} if len({name}) <= LONG else keep({name}))")
            return
        self.stores.append(f"{'write_u32' if param.kind is Kind.OUT_U32 else 'write_u64'}({first}, {name})")
        self.kept.append(name)


def _source(hostcall: Hostcall) -> str:
    text = _StubSource(hostcall)
    call = f"implementation({', '.join(['context', *text.passed])})"
    target = ", ".join(["status", *text.results])
    lines = [*text.reads, f"{target} = {call}"]
    if text.stores:  # a foreign function can return a result even if it fails
        condition = "if r0 is not None:" if text.optional else "if not status:"
        lines += [condition, *(f"    {line}" for line in text.stores), "    stored = True"]
    body = "\n            ".join(lines)
    return f"""
def make(entry, guest, implementation, schema, append, number, keep):
    write_u32, write_u64 = guest.write_u32, guest.write_u64
    def {hostcall.name}({", ".join(text.core)}):
        began = clock()
        if entry.restricted: entry.restrict({hostcall.name!r})
        context = entry.effective
        stored = bad = False
        try:
            {body}
        except OutOfBounds:
            status, bad = {int(Status.INVALID_MEMORY_ACCESS)}, True
        record = entry.record
        ended = clock()
        spent = ended - began
        record[{HOST_NS}] += spent
        if stored: append({_record(text.args, text.kept)})
        elif bad: append({_record(text.bad_args)})
        else: append({_record(text.args)})
        if spent > SLOW: entry.check_deadline(ended)
        return status
    return {hostcall.name}
"""


def _record(*parts: list[str]) -> str:
    """Return the source code of a call's trace record. See `..trace.records` for the fields."""
    fields = ["number()", "schema", "record", "context.ref", "status", "began", "ended"]
    return f"({', '.join([*fields, *(name for part in parts for name in part)])})"


@cache
def _factory(name: str) -> Callable[..., HostFunction]:
    scope: dict[str, Any] = {
        "OutOfBounds": OutOfBounds,
        "clock": perf_counter_ns,
        "pack": Struct("<I").pack_into,
        "read_pairs": read_pairs,
        "LONG": LONG,
        "SLOW": _SLOW,
    }
    exec(compile(_source(HOSTCALLS[name]), f"<wasmnb hostcall {name}>", "exec"), scope)  # noqa: S102 -- our own source
    make: Callable[..., HostFunction] = scope["make"]
    return make


def bind(vm: Vm, name: str, implementation: HostFunction) -> HostFunction:
    """Create the stub for an import of a VM.

    Parameters
    ----------
    name
        Name of the hostcall in the ABI's table.
    implementation
        The function that implements the hostcall, without access to the guest's memory.
    """
    trace = vm.trace
    return _factory(name)(vm.entry, vm.guest, implementation, schema_of(name), trace.append, trace.next, trace.keep)


def bind_denied(vm: Vm, name: str) -> HostFunction:
    """Create the function for an import that the configuration doesn't allow.

    The function logs a line and returns InternalFailure.
    """
    schema, trace, entry = schema_of(name), vm.trace, vm.entry

    def denied(*args: int) -> int:
        if entry.restricted:
            entry.restrict(name)
        began = perf_counter_ns()
        vm.log_denied(name, "proxy-wasm")
        status = int(Status.INTERNAL_FAILURE)
        trace.append((trace.next(), schema, entry.record, entry.effective.ref, status, began, perf_counter_ns(), *args))
        return status

    return denied
