"""The component's world, from the ABI table: a callback becomes an export, a hostcall an import.

Facts: integers lift and lower to themselves, so that a callback has the ABI's own signature; a list of bytes crosses as
pointer and length, which is the ABI's form, too. `%` before every name keeps WIT's keywords from getting in the way.
"""

from __future__ import annotations

from ..abi import Callback, Hostcall, Kind, Result, callbacks_for, hostcalls_for
from .glue import VERSION, WIT_INTERFACE, WORLD_EXPORTS, wit_name

__all__ = ["WORLD", "world_text"]

#: Name of the world.
WORLD = "filter"

_TYPES = {
    Kind.U32: "u32", Kind.I32: "s32", Kind.U64: "u64", Kind.I64: "s64", Kind.ENUM: "u32", Kind.BYTES: "list<u8>",
    Kind.PAIRS: "list<u8>", Kind.PATH: "list<u8>", Kind.OUT_U32: "u32", Kind.OUT_U64: "u64", Kind.OUT_BYTES: "list<u8>",
}  # fmt: skip

#: The guest's own imports, beside the hostcalls (`glue/journal.wat` serves them).
_OWN = """
  /// What was noted of created and deleted contexts since the last call.
  %journal: func() -> list<u8>;
  /// File name, number of the first line and text of the filter's source, with zero bytes between.
  %source: func() -> list<u8>;
  /// Environment variables, each with a zero byte behind it.
  %environment: func() -> list<u8>;
  /// Leave word for who builds the filter.
  %report: func(data: list<u8>);
  /// Stop the VM.
  %abort: func();"""


def world_text() -> str:
    """The WIT document."""
    package, interface = WIT_INTERFACE.split("/")
    hostcalls = "\n".join(map(_hostcall, hostcalls_for(VERSION).values()))
    callbacks = "\n".join(map(_callback, callbacks_for(VERSION).values()))
    own = "\n".join(f"  export %{name}: func();" for name in WORLD_EXPORTS)
    return (
        f"package {package};\n\ninterface {interface} {{\n{hostcalls}{_OWN}\n}}\n\n"
        f"world {WORLD} {{\n  import {interface};\n{callbacks}\n{own}\n}}\n"
    )


def _hostcall(h: Hostcall) -> str:
    params = ", ".join(f"%{wit_name(p.name)}: {_TYPES[p.kind]}" for p in h.inputs)
    outputs = ", ".join(_TYPES[p.kind] for p in h.outputs)
    return f"  %{wit_name(h.short)}: func({params}) -> {f'tuple<u32, {outputs}>' if outputs else 'u32'};"


def _callback(c: Callback) -> str:
    params = ", ".join(f"%{wit_name(p.name)}: u32" for p in c.params)
    return f"  export %{wit_name(c.short)}: func({params}){'' if c.result is Result.NONE else ' -> u32'};"
