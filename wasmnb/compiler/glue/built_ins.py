"""Built-in functions of the glue in addition to the hostcalls, for operations that would be much slower in Python.

Each function is a METH_FASTCALL function `(self, arguments, count) -> object`. If it fails, it sets an exception and returns
null. For bindings without this glue, the SDK has the same functions in Python. Text is a `str`, or `bytes` in UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable

from .layout import ERRORS, SCRATCH, STREAMS

__all__ = ["OWN", "built_ins_text"]

_TYPE_IS_STR = 1 << 28  # Py_TPFLAGS_UNICODE_SUBCLASS
_TYPE_IS_TEXT = _TYPE_IS_STR | 1 << 27  # or Py_TPFLAGS_BYTES_SUBCLASS
_TYPE_IS_DICT = 1 << 29  # Py_TPFLAGS_DICT_SUBCLASS
_TYPE_IS_SEQUENCE = 1 << 25 | 1 << 26  # Py_TPFLAGS_LIST_SUBCLASS, Py_TPFLAGS_TUPLE_SUBCLASS
_TYPE_IS_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that Python code has made
_OBJECT_TYPE = 4  # offset of ob_type

_AREA = f"(i32.add (global.get $base) (i32.const {SCRATCH}))"
_FAIL = "(return (i32.const 0))"
_NONE_LEFT = f"(if (call $PyErr_Occurred) (then {_FAIL}))"


def built_ins_text(base: int) -> Iterable[str]:
    """Yield the built-in functions, their helpers, and a constant in memory, as WebAssembly text."""
    yield f'  (data (i32.const {base + ERRORS}) "surrogateescape\\00")'
    yield from (_COPY_ARCHIVE, _TAKE_BYTES, _IS_TEXT, _TEXT_OR_BYTES, _BREAKS, _MAKE, _PAIRS, _ENCODE, _STREAMS_DROP)
    for name, (arguments, locals_, body) in OWN.items():
        names = " ".join(f"(local ${n} i32)" for n in locals_.split())
        yield f"""  (func $py-{name} (param $self i32) (param $args i32) (param $count i32) (result i32)
    {names}
    (if (i32.ne (local.get $count) (i32.const {arguments})) (then (drop (call $PyErr_BadArgument)) {_FAIL}))
{body})"""


def _argument(number: int) -> str:
    return f"(i32.load offset={4 * number} (local.get $args))"


def _number(number: int) -> str:
    return f"(call $PyLong_AsUnsignedLongMask {_argument(number)})"


#: Copy a range of the archive. Release modules replace it by a function that reads a passive segment (`COPY_ARCHIVE`).
_COPY_ARCHIVE = """  (func $copy-archive (param $to i32) (param $offset i32) (param $size i32)
    (memory.copy (local.get $to) (i32.add (global.get $archive) (local.get $offset)) (local.get $size)))"""

#: Create a `bytes` from memory that the proxy has allocated in the guest, and free this memory.
_TAKE_BYTES = """  (func $take-bytes (param $at i32) (param $size i32) (result i32) (local $made i32)
    (local.set $made (call $PyBytes_FromStringAndSize (local.get $at) (local.get $size)))
    (if (local.get $at) (then (call $free (local.get $at))))
    (local.get $made))"""

#: Store address and size of the contents of a `str` or `bytes`. Returns non-zero with an exception set for other types.
_TEXT_OR_BYTES = f"""  (func $text-or-bytes (param $object i32) (param $at i32) (param $size i32) (result i32)
    (if (i32.and (call $PyType_GetFlags (i32.load offset={_OBJECT_TYPE} (local.get $object))) (i32.const {_TYPE_IS_STR}))
      (then
        (i32.store (local.get $at) (call $PyUnicode_AsUTF8AndSize (local.get $object) (local.get $size)))
        (return (i32.eqz (i32.load (local.get $at))))))
    (call $PyBytes_AsStringAndSize (local.get $object) (local.get $at) (local.get $size)))"""

#: Return whether an object is a `str` or a `bytes`.
_IS_TEXT = f"""  (func $is-text (param $object i32) (result i32)
    (i32.and (call $PyType_GetFlags (i32.load offset={_OBJECT_TYPE} (local.get $object))) (i32.const {_TYPE_IS_TEXT})))"""

#: Return whether a range of memory contains a line break.
_BREAKS = """  (func $breaks (param $at i32) (param $size i32) (result i32) (local $end i32) (local $byte i32)
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (loop $next
      (if (i32.eq (local.get $at) (local.get $end)) (then (return (i32.const 0))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.and (i32.ne (local.get $byte) (i32.const 10)) (i32.ne (local.get $byte) (i32.const 13)))))
    (i32.const 1))"""

#: Create a `str` or a `bytes` from a range of memory.
_MAKE = f"""  (func $make (param $text i32) (param $at i32) (param $size i32) (result i32)
    (if (local.get $text) (then (return (call $PyUnicode_DecodeUTF8 (local.get $at) (local.get $size)
      (i32.add (global.get $base) (i32.const {ERRORS}))))))
    (call $PyBytes_FromStringAndSize (local.get $at) (local.get $size)))"""

#: Parse a serialised header map into a list of pairs. A malformed map results in an empty list.
_PAIRS = """  (func $pairs (param $text i32) (param $data i32) (param $size i32) (result i32)
    (local $list i32) (local $left i32) (local $at i32) (local $end i32) (local $pair i32) (local $name i32) (local $value i32)
    (local.set $list (call $PyList_New (i32.const 0)))
    (if (i32.lt_u (local.get $size) (i32.const 4)) (then (return (local.get $list))))
    (local.set $left (i32.load (local.get $data)))
    (if (i32.gt_u (local.get $left) (i32.shr_u (i32.sub (local.get $size) (i32.const 4)) (i32.const 3)))
      (then (return (local.get $list))))
    (local.set $end (i32.add (local.get $data) (local.get $size)))
    (local.set $data (i32.add (local.get $data) (i32.const 4)))
    (local.set $at (i32.add (local.get $data) (i32.shl (local.get $left) (i32.const 3))))
    (block $broken
      (loop $next
        (if (i32.eqz (local.get $left)) (then
          (br_if $broken (i32.ne (local.get $at) (local.get $end)))
          (return (local.get $list))))
        (local.set $name (i32.load (local.get $data)))
        (local.set $value (i32.load offset=4 (local.get $data)))
        (br_if $broken (i64.gt_u
          (i64.add (i64.add (i64.extend_i32_u (local.get $name)) (i64.extend_i32_u (local.get $value))) (i64.const 2))
          (i64.extend_i32_u (i32.sub (local.get $end) (local.get $at)))))
        (local.set $pair (call $PyTuple_New (i32.const 2)))
        (drop (call $PyTuple_SetItem (local.get $pair) (i32.const 0)
          (call $make (local.get $text) (local.get $at) (local.get $name))))
        (local.set $at (i32.add (local.get $at) (local.get $name)))
        (local.set $name (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (drop (call $PyTuple_SetItem (local.get $pair) (i32.const 1)
          (call $make (local.get $text) (local.get $at) (local.get $value))))
        (local.set $at (i32.add (local.get $at) (local.get $value)))
        (local.set $value (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (drop (call $PyList_Append (local.get $list) (local.get $pair)))
        (call $Py_DecRef (local.get $pair))
        (br_if $broken (i32.or (local.get $name) (local.get $value)))
        (local.set $data (i32.add (local.get $data) (i32.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (call $Py_DecRef (local.get $list))
    (call $PyList_New (i32.const 0)))"""

#: Remove the context of a stream from the dict of streams, and return 0 if the dict doesn't contain it. No Python code runs
#: except for a `__del__` of the filter.
_STREAMS_DROP = f"""  (func $streams-drop (param $id i32) (result i32) (local $key i32) (local $found i32)
    (if (i32.eqz (i32.load offset={STREAMS} (global.get $base))) (then (return (i32.const 0))))
    (local.set $key (call $PyLong_FromUnsignedLong (local.get $id)))
    (local.set $found (call $PyDict_Pop (i32.load offset={STREAMS} (global.get $base)) (local.get $key) (i32.const 0)))
    (call $Py_DecRef (local.get $key))
    (local.get $found))"""

#: Return the journal and clear it.
_JOURNAL = """    (local.set $size (i32.shl (i32.load offset=16 (global.get $base)) (i32.const 3)))
    (i32.store offset=16 (global.get $base) (i32.const 0))
    (call $PyBytes_FromStringAndSize (global.get $journal) (local.get $size))"""

#: (map, name): return the first value of a header as a `str`, or the status if it isn't OK. Filters do this most often.
_HEADER_TEXT = f"""    (local.set $area {_AREA})
    (local.set $map {_number(0)})
    (if (call $text-or-bytes {_argument(1)} (local.get $area) (i32.add (local.get $area) (i32.const 4))) (then {_FAIL}))
    {_NONE_LEFT}
    (i64.store offset=8 (local.get $area) (i64.const 0))
    (local.set $status (call $proxy_get_header_map_value (local.get $map)
      (i32.load (local.get $area)) (i32.load offset=4 (local.get $area))
      (i32.add (local.get $area) (i32.const 8)) (i32.add (local.get $area) (i32.const 12))))
    (if (local.get $status) (then (return (call $PyLong_FromLong (local.get $status)))))
    (local.set $made (call $make (i32.const 1) (i32.load offset=8 (local.get $area)) (i32.load offset=12 (local.get $area))))
    (if (i32.load offset=8 (local.get $area)) (then (call $free (i32.load offset=8 (local.get $area)))))
    (local.get $made)"""

#: (map, as text): return all entries of a map as a list of pairs, or the status if it isn't OK.
_HEADER_PAIRS = f"""    (local.set $area {_AREA})
    (local.set $map {_number(0)})
    (local.set $text {_number(1)})
    {_NONE_LEFT}
    (i64.store offset=8 (local.get $area) (i64.const 0))
    (local.set $status (call $proxy_get_header_map_pairs (local.get $map)
      (i32.add (local.get $area) (i32.const 8)) (i32.add (local.get $area) (i32.const 12))))
    (if (local.get $status) (then (return (call $PyLong_FromLong (local.get $status)))))
    (local.set $data (i32.load offset=8 (local.get $area)))
    (local.set $made (call $pairs (local.get $text) (local.get $data) (i32.load offset=12 (local.get $area))))
    (if (local.get $data) (then (call $free (local.get $data))))
    (local.get $made)"""

#: (map, name, value): replace all entries with a name by one entry. Returns the status, -1 if an argument isn't text, or -2 if
#: an argument contains a line break.
_HEADER_SET = f"""    (local.set $area {_AREA})
    (local.set $map {_number(0)})
    {_NONE_LEFT}
    (if (i32.eqz (i32.and (i32.ne (call $is-text {_argument(1)}) (i32.const 0)) (i32.ne (call $is-text {_argument(2)}) (i32.const 0))))
      (then (return (call $PyLong_FromLong (i32.const -1)))))
    (if (call $text-or-bytes {_argument(1)} (local.get $area) (i32.add (local.get $area) (i32.const 4))) (then {_FAIL}))
    (local.set $name (i32.load (local.get $area)))
    (local.set $size (i32.load offset=4 (local.get $area)))
    (if (call $text-or-bytes {_argument(2)} (local.get $area) (i32.add (local.get $area) (i32.const 4))) (then {_FAIL}))
    (if (i32.or (call $breaks (local.get $name) (local.get $size))
        (call $breaks (i32.load (local.get $area)) (i32.load offset=4 (local.get $area))))
      (then (return (call $PyLong_FromLong (i32.const -2)))))
    (call $PyLong_FromLong (call $proxy_replace_header_map_value (local.get $map) (local.get $name) (local.get $size)
      (i32.load (local.get $area)) (i32.load offset=4 (local.get $area))))"""

#: Serialise a list of pairs of text. The first loop adds up the sizes, and the second one writes. Returns a `bytes`, 0 after an
#: exception, or 1 if a name or a value contains a line break and $strict isn't 0.
_ENCODE = f"""  (func $encode (param $list i32) (param $strict i32) (result i32)
    (local $area i32) (local $count i32) (local $left i32) (local $size i32) (local $pair i32) (local $part i32)
    (local $made i32) (local $sizes i32) (local $at i32)
    (local.set $area {_AREA})
    (local.set $left (call $PyList_Size (local.get $list)))
    (if (i32.le_s (local.get $left) (i32.const 0)) (then
      (if (local.get $left) (then {_FAIL}))
      (return (call $PyBytes_FromStringAndSize (i32.const 0) (i32.const 0)))))
    (local.set $count (local.get $left))
    (local.set $size (i32.add (i32.const 4) (i32.mul (local.get $left) (i32.const 10))))
    (loop $measure
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (local.set $pair (call $PyList_GetItem (local.get $list) (local.get $left)))
      (if (i32.ne (call $PyTuple_Size (local.get $pair)) (i32.const 2))
        (then (call $PyErr_Clear) (drop (call $PyErr_BadArgument)) {_FAIL}))
      (local.set $part (i32.const 0))
      (loop $parts
        (if (call $text-or-bytes (call $PyTuple_GetItem (local.get $pair) (local.get $part))
            (local.get $area) (i32.add (local.get $area) (i32.const 4))) (then {_FAIL}))
        (local.set $at (i32.load offset=4 (local.get $area)))
        (if (local.get $strict) (then
          (if (call $breaks (i32.load (local.get $area)) (local.get $at)) (then (return (i32.const 1))))))
        (local.set $size (i32.add (local.get $size) (local.get $at)))
        (local.set $part (i32.add (local.get $part) (i32.const 1)))
        (br_if $parts (i32.lt_u (local.get $part) (i32.const 2))))
      (br_if $measure (local.get $left)))
    (local.set $made (call $PyBytes_FromStringAndSize (i32.const 0) (local.get $size)))
    (if (i32.eqz (local.get $made)) (then {_FAIL}))
    (local.set $sizes (call $PyBytes_AsString (local.get $made)))
    (i32.store (local.get $sizes) (local.get $count))
    (local.set $sizes (i32.add (local.get $sizes) (i32.const 4)))
    (local.set $at (i32.add (local.get $sizes) (i32.shl (local.get $count) (i32.const 3))))
    (loop $write
      (local.set $pair (call $PyList_GetItem (local.get $list) (local.get $left)))
      (local.set $part (i32.const 0))
      (loop $parts
        (drop (call $text-or-bytes (call $PyTuple_GetItem (local.get $pair) (local.get $part))
          (local.get $area) (i32.add (local.get $area) (i32.const 4))))
        (local.set $size (i32.load offset=4 (local.get $area)))
        (i32.store (local.get $sizes) (local.get $size))
        (local.set $sizes (i32.add (local.get $sizes) (i32.const 4)))
        (memory.copy (local.get $at) (i32.load (local.get $area)) (local.get $size))
        (local.set $at (i32.add (local.get $at) (local.get $size)))
        (i32.store8 (local.get $at) (i32.const 0))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $part (i32.add (local.get $part) (i32.const 1)))
        (br_if $parts (i32.lt_u (local.get $part) (i32.const 2))))
      (local.set $left (i32.add (local.get $left) (i32.const 1)))
      (br_if $write (i32.lt_u (local.get $left) (local.get $count))))
    (local.get $made))"""

#: (list of pairs of text): return a serialised header map.
_ENCODED = f"    (call $encode {_argument(0)} (i32.const 0))"

#: (status, details, body, headers, gRPC status): send a local response, and return the hostcall's status. Returns -1 and sends
#: nothing if Python must encode an argument because of its type, or a header contains a line break.
_LOCAL_RESPONSE = f"""    (local.set $area {_AREA})
    (local.set $status {_number(0)})
    (local.set $grpc {_number(4)})
    (local.set $flags (call $PyType_GetFlags (i32.load offset={_OBJECT_TYPE} {_argument(3)})))
    (block $refused
      (br_if $refused (call $text-or-bytes {_argument(1)} (local.get $area) (i32.add (local.get $area) (i32.const 4))))
      (local.set $details (i32.load (local.get $area)))
      (local.set $size (i32.load offset=4 (local.get $area)))
      (br_if $refused (call $text-or-bytes {_argument(2)} (local.get $area) (i32.add (local.get $area) (i32.const 4))))
      (local.set $body (i32.load (local.get $area)))
      (local.set $length (i32.load offset=4 (local.get $area)))
      (br_if $refused (call $PyErr_Occurred))
      (br_if $refused (i32.and (local.get $flags) (i32.const {_TYPE_IS_HEAP})))
      (local.set $list
        (if (result i32) (i32.and (local.get $flags) (i32.const {_TYPE_IS_DICT}))
          (then (call $PyMapping_Items {_argument(3)}))
          (else (if (result i32) (i32.and (local.get $flags) (i32.const {_TYPE_IS_SEQUENCE}))
            (then (call $PySequence_List {_argument(3)}))
            (else (i32.const 0))))))
      (br_if $refused (i32.eqz (local.get $list)))
      (local.set $made (call $encode (local.get $list) (i32.const 1)))
      (call $Py_DecRef (local.get $list))
      (br_if $refused (i32.le_u (local.get $made) (i32.const 1)))
      (drop (call $PyBytes_AsStringAndSize (local.get $made) (local.get $area) (i32.add (local.get $area) (i32.const 4))))
      (local.set $status (call $proxy_send_local_response (local.get $status) (local.get $details) (local.get $size)
        (local.get $body) (local.get $length) (i32.load (local.get $area)) (i32.load offset=4 (local.get $area))
        (local.get $grpc)))
      (call $Py_DecRef (local.get $made))
      (return (call $PyLong_FromLong (local.get $status))))
    (call $PyErr_Clear)
    (call $PyLong_FromLong (i32.const -1))"""

#: (on): set whether deleting a context calls Python, because the deletion would end a waiting task.
_WATCH_DELETES = f"""    (i32.store offset=8 (global.get $base) (i32.or
      (i32.and (i32.load offset=8 (global.get $base)) (i32.const -3))
      (i32.shl (i32.ne (call $PyLong_AsLong {_argument(0)}) (i32.const 0)) (i32.const 1))))
    (call $PyLong_FromLong (i32.const 0))"""

#: (id): remove the creation of a context from the journal, and return its parent, or -1 if the journal doesn't contain it.
_CLAIM = f"""    (local.set $id {_number(0)})
    {_NONE_LEFT}
    (call $PyLong_FromLong (call $journal-claim (local.get $id)))"""

#: (dict): set the dict of HTTP streams by id, which must stay alive. Deleting the context of a stream removes it from this
#: dict.
_HOLD_STREAMS = f"""    (i32.store offset={STREAMS} (global.get $base) {_argument(0)})
    (call $PyLong_FromLong (i32.const 0))"""

#: (offset, size): return a range of the archive of Python's library.
_ARCHIVE = f"""    (local.set $offset {_number(0)})
    (local.set $size {_number(1)})
    {_NONE_LEFT}
    (if (i64.gt_u (i64.add (i64.extend_i32_u (local.get $offset)) (i64.extend_i32_u (local.get $size)))
        (i64.extend_i32_u (global.get $archive-size)))
      (then (drop (call $PyErr_BadArgument)) {_FAIL}))
    (local.set $made (call $PyBytes_FromStringAndSize (i32.const 0) (local.get $size)))
    (if (local.get $made)
      (then (call $copy-archive (call $PyBytes_AsString (local.get $made)) (local.get $offset) (local.get $size))))
    (local.get $made)"""

#: (coroutine, None): run a coroutine to its end or next wait. Returns its result, or a tuple of the coroutine and the awaited
#: object.
_RUN = f"""    (local.set $how (call $PyIter_Send {_argument(0)} {_argument(1)} {_AREA}))
    (local.set $got (i32.load offset={SCRATCH} (global.get $base)))
    (if (i32.eqz (local.get $how)) (then (return (local.get $got))))
    (if (i32.lt_s (local.get $how) (i32.const 0)) (then {_FAIL}))
    (local.set $tuple (call $PyTuple_New (i32.const 2)))
    (call $Py_IncRef {_argument(0)})
    (drop (call $PyTuple_SetItem (local.get $tuple) (i32.const 0) {_argument(0)}))
    (drop (call $PyTuple_SetItem (local.get $tuple) (i32.const 1) (local.get $got)))
    (local.get $tuple)"""

#: Name -> (number of arguments, locals, body).
OWN: dict[str, tuple[int, str, str]] = {
    "journal": (0, "size", _JOURNAL),
    "header_text": (2, "map status made area", _HEADER_TEXT),
    "header_set": (3, "map area name size", _HEADER_SET),
    "header_pairs": (2, "map text status made area data", _HEADER_PAIRS),
    "encoded": (1, "", _ENCODED),
    "local_response": (5, "area status grpc flags details size body length list made", _LOCAL_RESPONSE),
    "watch_deletes": (1, "", _WATCH_DELETES),
    "claim": (1, "id", _CLAIM),
    "hold_streams": (1, "", _HOLD_STREAMS),
    "archive": (2, "offset size made", _ARCHIVE),
    "run": (2, "how got tuple", _RUN),
}
