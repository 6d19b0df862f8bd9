"""Glue between the ABI and CPython's C API, which is generated from the ABI table.

componentize-py's own glue (Rust, the canonical ABI, a return area) takes about 4 us per callback and 2.5 us per hostcall in
Wasm. This glue calls CPython's functions directly, because they are in the same module:

* A callback calls the dispatcher's bound method with `PyObject_Vectorcall`. The app registers the method's address with `bind`.
* A hostcall is a built-in function (METH_FASTCALL), which the app obtains from `natives`. It passes the addresses
  inside `bytes` and `str` objects to the proxy without a copy, and returns outputs as `bytes`. A `str` must be valid UTF-8:
  surrogates raise UnicodeEncodeError.

A function pointer is a slot of the component's only function table. New slots are added at its end. The interpreter's lock is
held forever from the end of `_initialize`, because the module has only one thread. References:
https://docs.python.org/3.14/c-api/call.html and /structures.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...abi import Callback, Hostcall, Kind, Param, Result
from .built_ins import OWN, built_ins_text
from .layout import ARGS, DEFINITIONS, LAYOUT_END, METHODS, NAMES, REPLY, SCRATCH

__all__ = ["C_API", "callback_text", "cpython_text", "imports_text", "introspection_text"]

_I, _I64 = "i32", "i64"

#: Functions of CPython: name -> (parameters, results).
C_API: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "PyObject_Vectorcall": ((_I, _I, _I, _I), (_I,)),
    "PyLong_FromLong": ((_I,), (_I,)),
    "PyLong_FromUnsignedLong": ((_I,), (_I,)),
    "PyLong_FromUnsignedLongLong": ((_I64,), (_I,)),
    "PyLong_AsLong": ((_I,), (_I,)),
    "PyLong_AsUnsignedLongMask": ((_I,), (_I,)),
    "PyLong_AsUnsignedLongLongMask": ((_I,), (_I64,)),
    "PyBytes_AsStringAndSize": ((_I, _I, _I), (_I,)),
    "PyBytes_AsString": ((_I,), (_I,)),
    "PyBytes_FromStringAndSize": ((_I, _I), (_I,)),
    "PyUnicode_AsUTF8AndSize": ((_I, _I), (_I,)),
    "PyUnicode_DecodeUTF8": ((_I, _I, _I), (_I,)),
    "PyType_GetFlags": ((_I,), (_I,)),
    "PyTuple_New": ((_I,), (_I,)),
    "PyTuple_Size": ((_I,), (_I,)),
    "PyTuple_GetItem": ((_I, _I), (_I,)),
    "PyTuple_SetItem": ((_I, _I, _I), (_I,)),
    "PyCMethod_New": ((_I, _I, _I, _I), (_I,)),
    "PyList_New": ((_I,), (_I,)),
    "PyList_Size": ((_I,), (_I,)),
    "PyList_GetItem": ((_I, _I), (_I,)),
    "PyList_Append": ((_I, _I), (_I,)),
    "PyDict_Pop": ((_I, _I, _I), (_I,)),
    "PyMapping_Items": ((_I,), (_I,)),
    "PySequence_List": ((_I,), (_I,)),
    "PyIter_Send": ((_I, _I, _I), (_I,)),
    "PyErr_Occurred": ((), (_I,)),
    "PyErr_BadArgument": ((), (_I,)),
    "PyErr_Clear": ((), ()),
    "PyGILState_Ensure": ((), (_I,)),
    "PyGILState_Release": ((_I,), ()),
    "Py_IncRef": ((_I,), ()),
    "Py_DecRef": ((_I,), ()),
}

_METH_FASTCALL = 0x80
_DEFINITION_SIZE = 16
_ARGUMENTS_OFFSET = 0x80000000  # PY_VECTORCALL_ARGUMENTS_OFFSET: the callee can overwrite the slot before the arguments


def cpython_text(hostcalls: Sequence[Hostcall], base: int, first_slot: int) -> Iterable[str]:
    """Yield the built-in functions for hostcalls and the journal, and the functions `natives` and `bind` for the app.

    Parameters
    ----------
    hostcalls
        Hostcalls in the order of the ABI table.
    base
        Address of the glue's memory.
    first_slot
        First unused slot of the component's function table.

    Yields
    ------
    str
        Fields of a module, in WebAssembly text format.

    Raises
    ------
    ValueError
        The definitions don't fit into the glue's memory.
    """
    names = [*OWN, *(h.short for h in hostcalls)]
    yield from _definitions(names, base, first_slot)
    yield f"  (elem (i32.const {first_slot}) func {' '.join(f'$py-{n}' for n in names)})"
    yield from built_ins_text(base)
    yield from map(_native, hostcalls)
    yield _natives(len(names))
    yield _BIND


def imports_text() -> Iterable[str]:
    """Yield the imports of CPython's functions and of the function table."""
    yield '  (import "component" "table" (table 1 funcref))'
    for name, (params, results) in C_API.items():
        signature = "".join(f" (param {p})" for p in params) + "".join(f" (result {r})" for r in results)
        yield f'  (import "python" "{name}" (func ${name}{signature}))'


def callback_text(callback: Callback, number: int, head: str) -> str:
    """Return the function for a callback as text. It traps if Python raises an exception, which the dispatcher has logged.

    Parameters
    ----------
    callback
        The callback.
    number
        Number of the callback's method, as registered with `bind`.
    head
        Identifier of the function, or its export, in text format.

    Returns
    -------
    str
        The function in text format.
    """
    count = len(callback.params)
    addresses = [f"(i32.add (global.get $base) (i32.const {ARGS + 4 * i}))" for i in range(count)]
    store = "\n    ".join(
        f"(i32.store {a} (call $PyLong_FromUnsignedLong (local.get {i})))" for i, a in enumerate(addresses)
    )
    release = " ".join(f"(call $Py_DecRef (i32.load {a}))" for a in addresses)
    value = ""
    if callback.result is not Result.NONE:
        value = f"(local.set $value (call $PyLong_AsLong (local.get $result))) {_drop_result()} (local.get $value)"
    return f"""  (func {head}{" (param i32)" * count}{" (result i32)" if value else ""} (local $result i32) (local $value i32)
    {store}
    (local.set $result (call $PyObject_Vectorcall (i32.load offset={METHODS + 4 * number} (global.get $base))
      (i32.add (global.get $base) (i32.const {ARGS})) (i32.const {_ARGUMENTS_OFFSET | count}) (i32.const 0)))
    {release}
    (if (i32.eqz (local.get $result)) (then unreachable))
    {value or _drop_result()})"""


def _drop_result() -> str:
    return "(call $Py_DecRef (local.get $result))"


def introspection_text(number: int, head: str) -> str:
    """Return the introspection export as text. It clears a pending exception, and calls a Python method with the request.

    Parameters
    ----------
    number
        Number of the method, as registered with `bind`.
    head
        Export of the function in text format.

    Returns
    -------
    str
        The function in text format.
    """
    argument = f"(i32.add (global.get $base) (i32.const {ARGS}))"
    address = f"(i32.add (global.get $base) (i32.const {REPLY + 4}))"
    reply = f"(i32.load offset={REPLY} (global.get $base))"
    return f"""  (func {head} (param $at i32) (param $size i32) (result i32) (local $reply i32)
    (call $PyErr_Clear)
    (if {reply} (then (call $Py_DecRef {reply})))
    (i32.store {argument} (call $take-bytes (local.get $at) (local.get $size)))
    (local.set $reply (call $PyObject_Vectorcall (i32.load offset={METHODS + 4 * number} (global.get $base))
      {argument} (i32.const {_ARGUMENTS_OFFSET | 1}) (i32.const 0)))
    (call $Py_DecRef (i32.load {argument}))
    (i32.store offset={REPLY} (global.get $base) (local.get $reply))
    (if (i32.eqz (local.get $reply)) (then (call $PyErr_Clear) (return (i32.const 0))))
    (drop (call $PyBytes_AsStringAndSize (local.get $reply) {address}
      (i32.add (global.get $base) (i32.const {REPLY + 8}))))
    {address})"""


# -- built-in functions ------------------------------------------------------------------------------------------------


def _definitions(names: Sequence[str], base: int, first_slot: int) -> Iterable[str]:
    """Yield the `PyMethodDef` structures (name, function, flags, no documentation), followed by the names."""
    name_at = base + NAMES
    for i, name in enumerate(names):
        fields = (name_at, first_slot + i, _METH_FASTCALL, 0)
        data = "".join(f"\\{b:02x}" for field in fields for b in field.to_bytes(4, "little"))
        yield f'  (data (i32.const {base + DEFINITIONS + _DEFINITION_SIZE * i}) "{data}")'
        yield f'  (data (i32.const {name_at}) "{name}\\00")'
        name_at += len(name) + 1
    if name_at > base + LAYOUT_END or DEFINITIONS + _DEFINITION_SIZE * len(names) > NAMES:
        raise ValueError("the definitions of the hostcalls don't fit into the glue's memory")


def _natives(count: int) -> str:
    """Return the function `natives(list)`, which appends the glue's built-in functions and then the hostcalls
    in table order.
    """
    return f"""  (func $natives (param $list i32) (local $at i32) (local $end i32) (local $lock i32) (local $function i32)
    (local.set $lock (call $PyGILState_Ensure))
    (local.set $at (i32.add (global.get $base) (i32.const {DEFINITIONS})))
    (local.set $end (i32.add (local.get $at) (i32.const {_DEFINITION_SIZE * count})))
    (loop $next
      (local.set $function (call $PyCMethod_New (local.get $at) (i32.const 0) (i32.const 0) (i32.const 0)))
      (drop (call $PyList_Append (local.get $list) (local.get $function)))
      (call $Py_DecRef (local.get $function))
      (local.set $at (i32.add (local.get $at) (i32.const {_DEFINITION_SIZE})))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (call $PyGILState_Release (local.get $lock)))"""


#: `bind(number, method)`: store the address of the method for a callback.
_BIND = f"""  (func $bind (param $number i32) (param $method i32)
    (i32.store offset={METHODS} (i32.add (global.get $base) (i32.shl (local.get $number) (i32.const 2)))
      (local.get $method)))"""


def _native(hostcall: Hostcall) -> str:
    """Return the built-in function for a hostcall: (self, arguments, count) -> status, or (status, *outputs)."""
    read, operands, slots = _inputs(hostcall.inputs)
    outputs = _outputs(hostcall.outputs)
    cleared = " ".join(f"(i64.store offset={at} (global.get $base) (i64.const 0))" for _, at in outputs)
    addresses = " ".join(
        f"(i32.add (global.get $base) (i32.const {at + 4 * i}))" for p, at in outputs for i in range(len(p.kind.core))
    )
    locals_ = " ".join(f"(local ${name} {kind})" for name, kind in slots)
    return f"""  (func $py-{hostcall.short} (param $self i32) (param $args i32) (param $count i32) (result i32)
    {locals_} (local $status i32) (local $tuple i32)
    (if (i32.ne (local.get $count) (i32.const {len(hostcall.inputs)}))
      (then (drop (call $PyErr_BadArgument)) (return (i32.const 0))))
    {read}
    {cleared}
    (local.set $status (call ${hostcall.name} {operands} {addresses}))
    {_result(outputs)})"""


def _inputs(inputs: Sequence[Param]) -> tuple[str, str, list[tuple[str, str]]]:
    """Return code that reads a hostcall's arguments into locals, code that passes these locals, and the locals' names and
    types.
    """
    code, operands, slots = [], [], []
    for i, p in enumerate(inputs):
        argument = f"(i32.load offset={4 * i} (local.get $args))"
        if len(p.kind.core) == 2:
            addresses = [f"(i32.add (global.get $base) (i32.const {SCRATCH + 4 * k}))" for k in (0, 1)]
            code.append(
                f"(if (call $text-or-bytes {argument} {addresses[0]} {addresses[1]}) (then (return (i32.const 0))))\n"
                f"    (local.set $at{i} (i32.load {addresses[0]})) (local.set $size{i} (i32.load {addresses[1]}))"
            )
            names = [(f"at{i}", _I), (f"size{i}", _I)]
        else:
            kind = p.kind.core[0]
            convert = "PyLong_AsUnsignedLongLongMask" if kind == _I64 else "PyLong_AsUnsignedLongMask"
            code.append(f"(local.set $in{i} (call ${convert} {argument}))")
            names = [(f"in{i}", kind)]
        slots += names
        operands += [f"(local.get ${name})" for name, _ in names]
    if any(len(p.kind.core) == 1 for p in inputs):
        code.append("(if (call $PyErr_Occurred) (then (return (i32.const 0))))")
    return "\n    ".join(code), " ".join(operands), slots


def _outputs(outputs: Sequence[Param]) -> list[tuple[Param, int]]:
    """Return a hostcall's outputs with their offsets. Each output uses eight bytes, for a u64 or for pointer and size."""
    return [(p, SCRATCH + 8 + 8 * i) for i, p in enumerate(outputs)]


_MAKE = {
    Kind.OUT_U32: "(call $PyLong_FromUnsignedLong (i32.load offset={at} (global.get $base)))",
    Kind.OUT_U64: "(call $PyLong_FromUnsignedLongLong (i64.load offset={at} (global.get $base)))",
    Kind.OUT_BYTES: "(call $take-bytes (i32.load offset={at} (global.get $base)) (i32.load offset={size} (global.get $base)))",
}


def _result(outputs: Sequence[tuple[Param, int]]) -> str:
    """Return code that creates the result of a hostcall: the status, or a tuple of status and outputs."""
    status = "(call $PyLong_FromLong (local.get $status))"
    if not outputs:
        return status
    values = [status, *(_MAKE[p.kind].format(at=at, size=at + 4) for p, at in outputs)]
    items = "\n    ".join(
        f"(drop (call $PyTuple_SetItem (local.get $tuple) (i32.const {i}) {value}))" for i, value in enumerate(values)
    )
    return f"(local.set $tuple (call $PyTuple_New (i32.const {len(values)})))\n    {items}\n    (local.get $tuple)"
