"""C written from the ABI table: declarations of the hostcalls, and what lets a script call any of them.

`declarations` is a plain header that any filter in C can include. `scripted` writes, for the scripted guest, one
function a hostcall (parse arguments, call, log the status and what came out) and one export a callback.
"""

from enum import IntEnum

from wasmnb.abi import AbiVersion, Callback, Hostcall, Kind, Param, Result, callbacks_for, hostcalls_for

_C = {"i32": "uint32_t", "i64": "uint64_t"}


def declarations(version: AbiVersion = AbiVersion.V0_2_1) -> str:
    """`proxy_wasm.h`: marker, hostcalls with their core signatures, and a macro that exports a callback."""
    lines = [
        "#pragma once",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "#define EXPORT(name) __attribute__((export_name(#name)))",
        "#ifdef __cplusplus",
        '#define LINKAGE extern "C"',
        "#else",
        "#define LINKAGE",
        "#endif",
        '#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))',
        f"#define PROXY_WASM_MARKER LINKAGE EXPORT({version.marker}) void {version.marker}(void) {{}}",
        "",
    ]
    for enum in _enums(version):
        members = ", ".join(f"{enum.__name__}_{m.name} = {m.value & 0xFFFFFFFF:#x}" for m in enum)
        lines.append(f"enum {{ {members} }};")
    lines += [_declaration(h) for h in hostcalls_for(version).values()]
    return "\n".join(lines) + "\n"


def scripted(version: AbiVersion = AbiVersion.V0_2_1) -> str:
    """`scripted_table.h`: enum names, a caller for every hostcall, an export for every callback."""
    parts = [_enum_table(e) for e in _enums(version)]
    calls = hostcalls_for(version).values()
    parts += [_caller(h) for h in calls]
    rows = ",\n".join(f'  {{"{h.short}", call_{h.short}}}' for h in calls)
    parts.append(f"static const Call CALLS[] = {{\n{rows}\n}};")
    parts += [_export(c) for c in callbacks_for(version).values()]
    return "\n\n".join(parts) + "\n"


def _enums(version: AbiVersion) -> list[type[IntEnum]]:
    from wasmnb.abi import Status

    found: dict[str, type[IntEnum]] = {"Status": Status}
    for thing in (*hostcalls_for(version).values(), *callbacks_for(version).values()):
        found |= {p.enum.__name__: p.enum for p in thing.params if p.enum}
    return list(found.values())


def _declaration(h: Hostcall) -> str:
    names = []
    for p in h.params:
        kinds = [_C[t] for t in p.kind.core]
        if p.kind in (Kind.BYTES, Kind.PAIRS, Kind.PATH):
            names += [f"const void *{p.name}", f"size_t {p.name}_size"]
        elif p.kind is Kind.OUT_BYTES:
            names += [f"void **{p.name}", f"size_t *{p.name}_size"]
        elif p.kind.is_output:
            names.append(f"{'uint64_t' if p.kind is Kind.OUT_U64 else 'uint32_t'} *{p.name}")
        else:
            names.append(f"{kinds[0]} {p.name}")
    return f"LINKAGE IMPORT({h.name}) uint32_t {h.name}({', '.join(names) or 'void'});"


def _enum_table(enum: type[IntEnum]) -> str:
    rows = ", ".join(f'{{"{m.name}", {m.value & 0xFFFFFFFF:#x}u}}' for m in enum)
    return f"static const Name {enum.__name__}_names[] = {{{rows}, {{0, 0}}}};"


def _caller(h: Hostcall) -> str:
    """Parse, call, log: the inputs in order, then the status, then every output that was written."""
    read = [_read(p) for p in h.inputs]
    outs = [_out(p) for p in h.outputs]
    say = [_say(p, first=i == 0) for i, p in enumerate(h.inputs)]
    said = [_said(p) for p in h.outputs]
    body = [
        *read, *outs,
        f"uint32_t status = {h.name}({', '.join(_pass(p) for p in h.params)});",
        f'say("  {h.short}(");', *say, 'say(") -> ");', "say_enum(status, Status_names);", *said, "flush();",
    ]  # fmt: skip
    return f"static void call_{h.short}(Args *a) {{\n  (void)a;\n  " + "\n  ".join(body) + "\n}"


def _read(p: Param) -> str:
    if p.kind is Kind.ENUM:
        return f"uint32_t {p.name} = (uint32_t)arg_number(a, {p.enum.__name__}_names);"
    if p.kind in (Kind.U64, Kind.I64):
        return f"uint64_t {p.name} = (uint64_t)arg_number(a, 0);"
    if p.kind in (Kind.U32, Kind.I32):
        return f"uint32_t {p.name} = (uint32_t)arg_number(a, 0);"
    if p.kind is Kind.PAIRS:
        return f"Bytes {p.name} = arg_pairs(a); int {p.name}_raw = raw_pairs;"
    form = {Kind.BYTES: "arg_bytes", Kind.PATH: "arg_path"}[p.kind]
    return f"Bytes {p.name} = {form}(a);"


def _out(p: Param) -> str:
    if p.kind is Kind.OUT_BYTES:
        return f"void *{p.name} = UNTOUCHED; size_t {p.name}_size = 0xABABABAB;"
    if p.kind is Kind.OUT_U64:
        return f"uint64_t {p.name} = 0xABABABABABABABABull;"
    return f"uint32_t {p.name} = 0xABABABAB;"


def _pass(p: Param) -> str:
    if p.kind in (Kind.BYTES, Kind.PAIRS, Kind.PATH):
        return f"{p.name}.data, {p.name}.size"
    if p.kind is Kind.OUT_BYTES:
        return f"OUT(&{p.name}), OUT(&{p.name}_size)"
    return f"OUT(&{p.name})" if p.kind.is_output else p.name


def _say(p: Param, *, first: bool) -> str:
    comma = "" if first else 'say(", "); '
    if p.kind is Kind.ENUM:
        return f"{comma}say_enum({p.name}, {p.enum.__name__}_names);"
    if p.kind in (Kind.U64, Kind.I64):
        return f"{comma}say_signed((int64_t){p.name});"
    if p.kind in (Kind.U32, Kind.I32):
        return f"{comma}say_signed((int32_t){p.name});"
    if p.kind is Kind.PAIRS:
        return f"{comma}say_given_pairs({p.name}, {p.name}_raw);"
    return f"{comma}say_bytes({p.name});"


def _said(p: Param) -> str:
    if p.kind is Kind.OUT_BYTES:
        form = "say_pairs" if p.name == "pairs" else "say_data"
        return f"{form}({p.name}, {p.name}_size);"
    if p.kind is Kind.OUT_U64:
        return f'if ({p.name} != 0xABABABABABABABABull) {{ say(" {p.name}="); say_unsigned({p.name}); }}'
    return f'if ({p.name} != 0xABABABAB) {{ say(" {p.name}="); say_unsigned({p.name}); last_output = {p.name}; }}'


def _export(c: Callback) -> str:
    params = ", ".join(f"uint32_t {p.name}" for p in c.params)
    args = ", ".join(p.name for p in c.params)
    call = f'run("{c.short}", {c.default}, {len(c.params)}, (uint32_t[]){{{args}}})'
    kind, give = ("void", "") if c.result is Result.NONE else ("uint32_t", "return ")
    guard = f"LEAVE_OUT_{c.short}"
    return f"#ifndef {guard}\nEXPORT({c.name}) {kind} {c.name}({params}) {{ {give}{call}; }}\n#endif"
