"""Writes docs/abi.md: every callback, hostcall and WASI function, with the tests that cover it.

    python -m tests.abi.reference            write it
    python -m tests.abi.reference --check    exit 1 if it is out of date

A conformance scenario covers a function whose name stands in its recorded log. A test file covers it if it uses the
ABI's name, the SDK's name of the callback, or calls the hostcall by its short name. The tests of the ABI's own table
do not count: they say nothing of what a function does.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.conformance import record
from tests.conformance.catalogue import AREAS, scenarios
from wasmnb.abi import CALLBACKS, HOSTCALLS, AbiVersion, Area, Callback, Hostcall, Kind, Param, Status
from wasmnb.abi.wasi import WASI_MODULES, WASI_PREVIEW_1
from wasmnb.sdk.loading.callbacks import HANDLERS

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "abi.md"

#: Functions without a test -> why.
EXCEPTIONS = {
    "proxy_on_request_metadata": "HTTP/2 METADATA frames: Envoy takes none unless `allow_metadata` is set, and the"
    " simulated clients send none. The SDK hands the callback on.",
    "proxy_on_response_metadata": "As for `proxy_on_request_metadata`, from the upstream.",
}

#: How signatures name the kinds; a number with names is called after its enum.
KINDS = {
    Kind.U32: "u32", Kind.I32: "i32", Kind.U64: "u64", Kind.I64: "i64", Kind.BYTES: "bytes", Kind.PAIRS: "header map",
    Kind.PATH: "property path", Kind.OUT_U32: "u32", Kind.OUT_U64: "u64", Kind.OUT_BYTES: "bytes",
}  # fmt: skip

HEAD = """# The ABI, function by function

Every callback, hostcall and WASI function that Envoy 1.40 knows, and the tests that cover it here. Made by
`python -m tests.abi.reference`; do not edit it.

*Scenarios* are those of `tests/conformance` whose recorded log names the function: what the real Envoy did is kept, and
the simulated proxy must do the same. *Statuses* are those that Envoy was recorded to give there. Outputs stand after the
arrow: the host writes them through pointers, and every hostcall returns a status beside them. A callback's result stands
after its arrow. Paths of test files start at `tests/`.
"""

ENVOYS_OWN = """## Envoy's own imports

- `pthread_equal`, `emscripten_notify_memory_growth`: what old tool chains want; nothing happens.
- `envoy_resolve_dns(name: bytes) → token: u32` looks up a name and calls the export
  `envoy_on_resolve_dns(context, token, size)`. The call data then hold a count, that many times to live, and the addresses
  with port 0, each with a zero byte behind it. For literal addresses and `localhost` the callback comes before the import
  returns. In the simulated proxy any other name has no address: there is no network (`envoy/test_dns.py`).
- `envoy_on_stats_update`, the export of a stats sink, is never called: the simulated proxy has no stats sinks.
"""

_SHOWN = 3  # names of scenarios, and of test files, in a row
_LOGGED = re.compile(r"\S+ VM\d+ (?:\([^)]*\) )? *(\w+)\(")
_STATUS = re.compile(r"\) -> (\w+)")


@dataclass
class Cover:
    """What covers one function."""

    scenarios: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    statuses: set[Status] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.scenarios or self.files)


@cache
def recorded() -> dict[str, Cover]:
    """Short name -> scenarios in whose log it stands (those that Envoy alone can run left out), and statuses."""
    found: dict[str, Cover] = defaultdict(Cover)
    for area in AREAS:
        outcomes = record.read(area)
        for name in (s.name for s in scenarios(area) if not s.why_not):
            for line in (line for part in outcomes[name].parts for line in part.log):
                _note(found, f"{area}: {name}", line)
    return found


def _note(found: dict[str, Cover], scenario: str, line: str) -> None:
    match = _LOGGED.match(line)
    if not match:
        return
    cover = found[match[1]]
    if scenario not in cover.scenarios:
        cover.scenarios.append(scenario)
    status = _STATUS.search(line)
    if status and status[1] in Status.__members__:
        cover.statuses.add(Status[status[1]])


@cache
def sources() -> dict[str, str]:
    """Test files and their text, without the tests of the ABI's table."""
    files = sorted(f for f in TESTS.rglob("test_*.py") if f.parent != TESTS / "abi")
    return {f.relative_to(TESTS).as_posix(): f.read_text() for f in files}


def mentions(pattern: str) -> list[str]:
    """Test files that the pattern is found in."""
    return [name for name, text in sources().items() if re.search(pattern, text)]


@cache
def cover(name: str) -> Cover:
    """Everything that covers a function of the ABI, by its full name."""
    short = name.removeprefix("proxy_")
    if name in WASI_PREVIEW_1:
        return Cover(files=mentions(rf"\b{name}\b"))
    if name in CALLBACKS:
        names = {name, short, *(h.method for h in HANDLERS.values() if h.callback == short)}
        files = mentions(rf"\b({'|'.join(sorted(names))})\b")
    else:  # "log" and "done" are words of every day: only with the prefix
        files = mentions(rf"\b{name}\b" + (rf"|\b{short}\b" if "_" in short else ""))
    log = recorded().get(short, Cover())
    return Cover(log.scenarios, files, log.statuses)


def _params(params: Iterable[Param]) -> str:
    return ", ".join(f"{p.name}: {p.enum.__name__ if p.enum else KINDS[p.kind]}" for p in params)


def signature(function: Hostcall | Callback) -> str:
    """`(map_type: HeaderMapType, key: bytes) → value: bytes`."""
    if isinstance(function, Callback):
        result = "" if function.result.value == "none" else f" → {function.result.value}"
        return f"({_params(function.params)}){result}"
    outputs = _params(function.outputs)
    return f"({_params(function.inputs)})" + (f" → {outputs}" if outputs else "")


def _some(items: list[str], style: str) -> str:
    shown = "; ".join(style.format(item.replace("|", "\\|")) for item in items[:_SHOWN])
    return shown + (f"; and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")


def _tests(name: str) -> tuple[str, str]:
    if name in EXCEPTIONS:
        return "none", "none: see the end"
    found = cover(name)
    count = f"**{len(found.scenarios)}**: " if found.scenarios else ""
    return count + _some(found.scenarios, "{}"), _some(found.files, "`{}`")


def _versions(versions: Iterable[AbiVersion]) -> str:
    chosen = tuple(versions)
    return "all" if chosen == tuple(AbiVersion) else ", ".join(v.text for v in chosen)


def _row(function: Hostcall | Callback) -> tuple[str, ...]:
    statuses = ", ".join(s.name for s in sorted(cover(function.name).statuses))
    what = "callback" if isinstance(function, Callback) else "hostcall"
    return (f"`{function.name}`", what, f"`{signature(function)}`", _versions(function.versions), statuses,
            *_tests(function.name))  # fmt: skip


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; the head's columns are parted by commas."""
    columns = head.split(", ")
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *rows)) + "\n"


def document() -> str:
    """The text of docs/abi.md."""
    parts = [HEAD]
    functions = (*CALLBACKS.values(), *HOSTCALLS.values())
    for area in Area:
        rows = [_row(f) for f in functions if f.area is area]
        title = (
            area.value.upper()
            if area in (Area.HTTP, Area.TCP)
            else area.value.replace("http", "HTTP").replace("grpc", "gRPC")
        )
        parts += [f"## {title[0].upper() if area is not Area.GRPC else title[0]}{title[1:]}\n",
                  table("Name, What, Signature, ABI, Statuses, Scenarios, Test files", rows)]  # fmt: skip
    wasi = [(f"`{name}`", f"`({', '.join(params)})`{' → errno' if results else ''}", _tests(name)[1])
            for name, (params, results) in WASI_PREVIEW_1.items()]  # fmt: skip
    modules = " and ".join(f"`{m}`" for m in WASI_MODULES)
    parts += [
        "## WASI\n",
        f"Found under {modules}, in every ABI version.\n",
        table("Name, Signature, Test files", wasi),
    ]
    parts += [ENVOYS_OWN, "## Without a test\n", table("Name, Why", ((f"`{n}`", why) for n, why in EXCEPTIONS.items()))]
    return "\n".join(parts)


def is_current() -> bool:
    """Whether docs/abi.md says what the tables and tests say now."""
    return DOCUMENT.exists() and DOCUMENT.read_text() == document()


def main() -> int:
    """Write the document, or check it."""
    if "--check" not in sys.argv[1:]:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(document())
    elif not is_current():
        print(f"{DOCUMENT.name} is out of date: run python -m tests.abi.reference", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
