"""Small or simple modules that are expensive to read, to compile or to describe."""

from wasmnb.parsing.leb128 import CORE_MAGIC, name, section, unsigned, vector

_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORIES, _GLOBALS, _EXPORT, _START, _ELEMENTS, _CODE, _DATA = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

_FUNC, _MEMORY, _GLOBAL = b"\0\0", b"\2\0\1", b"\3\x7f\0"

_VOID = section(_TYPE, vector([b"\x60\0\0"]))


def exports(count):
    """Return exports of one function under many names, with Envoy's marker and allocator."""
    names = ["proxy_abi_version_0_2_1", *(f"e{i}" for i in range(count)), "malloc"]
    types = section(_TYPE, vector([b"\x60\0\0", b"\x60\1\x7f\1\x7f"]))
    functions = section(_FUNCTION, vector([b"\0", b"\1"]))
    items = (name(text) + b"\0" + (b"\1" if text == "malloc" else b"\0") for text in names)
    return CORE_MAGIC + types + functions + section(_EXPORT, vector(items)) + _code([b"\0\x0b", b"\0\x20\0\x0b"])


def imports(count, kind=_FUNC, size=6):
    return CORE_MAGIC + _VOID + section(_IMPORT, vector(name("env") + name(f"{i:0{size}}") + kind for i in range(count)))


def exported_imports(count):
    again = vector(name(f"e{i}") + b"\0" + unsigned(i) for i in range(count))
    return imports(count) + section(_EXPORT, again)


def nested(count, opener):
    """Return nested blocks. Each of them begins with `opener`."""
    return _functions([b"\0" + opener * count + b"\x0b" * count + b"\x0b"])


def locals_of(count, functions):
    return _functions([b"\1" + unsigned(count) + b"\x7f\x0b"] * functions)


def empty_functions(count):
    return _functions([b"\0\x0b"] * count)


def calls_in_start(count):
    """Return a start function with a long chain of calls."""
    bodies = [b"\0\x10" + unsigned(i + 1) + b"\x0b" for i in range(count)]
    declared = _VOID + section(_FUNCTION, vector([b"\0"] * (count + 1))) + section(_START, unsigned(0))
    return CORE_MAGIC + declared + _code([*bodies, b"\0\x0b"])


def shared_signature(count):
    """Return exports that share one type with a thousand parameters."""
    types = section(_TYPE, vector([b"\x60" + unsigned(1000) + b"\x7f" * 1000 + b"\0"]))
    items = (name(f"e{i}") + b"\0\0" for i in range(count))
    return CORE_MAGIC + types + section(_FUNCTION, vector([b"\0"])) + section(_EXPORT, vector(items)) + _code([b"\0\x0b"])


def _functions(bodies):
    return CORE_MAGIC + _VOID + section(_FUNCTION, vector([b"\0"] * len(bodies))) + _code(bodies)


def _code(bodies):
    return section(_CODE, vector(unsigned(len(body)) + body for body in bodies))


#: Modules that are read in linear time; they are much larger than real ones.
READ = {
    "exports": lambda: exports(100_000),
    "imports": lambda: imports(100_000),
    "imported globals": lambda: imports(100_000, _GLOBAL),
    "imported memories": lambda: imports(100_000, _MEMORY),
    "exported imports": lambda: exported_imports(100_000),
    "a long name": lambda: imports(1, size=90_000),
    "nested ifs": lambda: nested(30_000, b"\x41\0\x04\x40"),
    "calls in the start section": lambda: calls_in_start(100_000),
    "a shared signature": lambda: shared_signature(100_000),
    "types": lambda: CORE_MAGIC + section(_TYPE, vector(b"\x60" + unsigned(i % 900) + b"\x7f" * (i % 900) + b"\0" for i in range(5000))),
    "globals": lambda: CORE_MAGIC + section(_GLOBALS, vector([b"\x7f\0\x41\0\x0b"] * 200_000)),
    "data segments": lambda: CORE_MAGIC + section(_MEMORIES, vector([b"\0\1"])) + section(_DATA, vector([b"\0\x41\0\x0b\1x"] * 100_000)),
    "segments of elements": lambda: CORE_MAGIC + _VOID + section(_FUNCTION, vector([b"\0"])) + section(_TABLE, vector([b"\x70\0\1"]))
    + section(_ELEMENTS, vector([b"\0\x41\0\x0b\1\0"] * 100_000)) + _code([b"\0\x0b"]),
    "a table of branches": lambda: _functions([b"\0\x41\0\x0e" + unsigned(200_000) + b"\0" * 200_001 + b"\x0b"]),
    "names of functions": lambda: empty_functions(1) + section(0, name("name") + section(1, vector(unsigned(i) + name("n" * 90) for i in range(50_000)))),
    "custom sections": lambda: CORE_MAGIC + b"".join(section(0, name(f"c{i}" * 50)) for i in range(10_000)),
    "empty sections": lambda: CORE_MAGIC + section(0, name("x")) * 300_000,
}

#: Modules that take the compiler a long time, during which it can't be interrupted.
COMPILED = {
    "nested loops": lambda: nested(30_000, b"\x03\x40"),
    "locals": lambda: locals_of(50_000, 2000),
    "empty functions": lambda: empty_functions(300_000),
}
