"""C generated from the ABI table: declarations of the hostcalls, and callers for the scripted guest.

`declarations` returns a plain header for filters in C. `scripted` returns code of the scripted guest: an export for each
callback, and a function for each hostcall, which parses arguments, makes the call, and logs the status and the outputs.
"""

from enum import IntEnum

from wasmnb.abi import AbiVersion, Callback, Hostcall, Kind, Param, Result, callbacks_for, hostcalls_for

_C = {"i32": "uint32_t", "i64": "uint64_t"}


def declarations(version: AbiVersion = AbiVersion.V0_2_1) -> str:
    """Return `proxy_wasm.h`: marker, hostcalls with their core signatures, and a macro that exports a callback."""
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
    """Return `scripted_table.h`: enum names, a caller for every hostcall, and an export for every callback."""
    parts = [_enum_table(e) for e in _enums(version)]
    calls = hostcalls_for(version).values()
    parts += [_caller(h) for h in calls]
    rows = ",\n".join(f'  {{"{h.short}", call_{h.short}}}' for h in calls)
    parts.append(f"static const Call CALLS[] = {{\n{rows}\n}};")
    parts += [_export(c) for c in callbacks_for(version).values()]
    return "\n\n".join(parts) + "\n"


def _enums(version: AbiVersion) -> list[type[IntEnum]]:
    from wasmnb.abi import Status

    enums: dict[str, type[IntEnum]] = {"Status": Status}
    for function in (*hostcalls_for(version).values(), *callbacks_for(version).values()):
        enums |= {p.enum.__name__: p.enum for p in function.params if p.enum}
    return list(enums.values())


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
    """Return a function that parses arguments, calls, and logs the inputs, the status and the outputs that were written."""
    read = [_read(p) for p in h.inputs]
    outputs = [_output(p) for p in h.outputs]
    log_inputs = [_log_input(p, first=i == 0) for i, p in enumerate(h.inputs)]
    log_outputs = [_log_output(p) for p in h.outputs]
    body = [
        *read, *outputs,
        f"uint32_t status = {h.name}({', '.join(_pass(p) for p in h.params)});",
        f'say("  {h.short}(");', *log_inputs, 'say(") -> ");', "say_enum(status, Status_names);", *log_outputs, "flush();",
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


def _output(p: Param) -> str:
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


def _log_input(p: Param, *, first: bool) -> str:
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


def _log_output(p: Param) -> str:
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
