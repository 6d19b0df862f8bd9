"""What a module is: its ABI, what it imports and exports, what makes up its size, and what would stop Envoy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wasmnb.abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS, AbiVersion
from wasmnb.abi.wasi import WASI_PREVIEW_1

from ...render.document import Block, Code, Column, Document, Fold, Paragraph, Row, Span, Table, Title, inline
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural, size

__all__ = ["facts_document", "facts_html", "facts_text"]

_KNOWN_EXPORTS = (
    *CALLBACKS, *ENTRY_POINTS, *(v.marker for v in AbiVersion), "memory", "malloc", "proxy_on_memory_allocate", "wasmnb_control",
)  # fmt: skip
_RUNS_HERE = Paragraph(
    inline("Run by this Python, not as Wasm: for debuggers, coverage and profilers. `.wasm` compiles it.")
)
_KINDS = {"core": "core Wasm module", "component": "Wasm component", "other": "not a Wasm file"}


def _names(items: Iterable[Any]) -> list[str]:
    """Names of imports or exports, given as objects with `.name`, tuples or text."""
    return [item if isinstance(item, str) else str(getattr(item, "name", None) or item[-1]) for item in items]


def _sections(sections: Any) -> list[tuple[str, int]]:
    pairs = sections.items() if isinstance(sections, dict) else sections
    named = [(p[0], p[1]) if isinstance(p, tuple) else (p.name, p.size) for p in pairs]
    return sorted(((str(n), int(b)) for n, b in named), key=lambda pair: -pair[1])


def _bar(part: int, whole: int, width: int = 20) -> str:
    return "█" * round(width * part / whole) or "▏" if whole else ""


def _section_table(sections: Sequence[tuple[str, int]]) -> Table:
    whole = sum(b for _, b in sections)
    rows = [Row((inline(Span(n, "code")), inline(size(b)), inline(Span(_bar(b, whole), "muted")))) for n, b in sections]
    return Table((Column("section"), Column("size", "right", wrap=False), Column("share", wrap=False)), tuple(rows))


def _name_fold(title: str, names: Sequence[str], known: Iterable[str]) -> Fold:
    """Names in columns of text; those that the ABI does not know stand first, marked."""
    known = set(known)
    lines = [f"? {n}" for n in names if n not in known] + [f"  {n}" for n in names if n in known]
    return Fold(inline(Span(title, "strong"), Span(f"  {len(names)}", "muted")), (Code("\n".join(lines)),))


def facts_document(facts: Any, name: str = "", number: int | None = None) -> Document:
    """Facts of a module as `wasmnb inspect` shows them.

    Parameters
    ----------
    facts
        `wasmnb.compiler.ModuleFacts`, or `FilterInfo`, which has no problems and knows how it was built.
    name, number
        File name, and size of the file in bytes.
    """
    number = getattr(facts, "size", None) if number is None else number
    version = getattr(facts.abi_version, "text", facts.abi_version)
    abi = f"Proxy-Wasm ABI {version}" if version else "no Proxy-Wasm ABI marker"
    kind = getattr(facts, "kind", "core")
    native = getattr(facts, "native", False)
    whole = ["native" if native else _KINDS.get(kind, kind), abi, *([size(number)] if number else [])]
    name = name or getattr(facts, "name", "module")
    blocks: list[Block] = [Title(inline(Span(name, "strong"), Span(f"   {' · '.join(whole)}", "muted")))]
    blocks += [
        *([_RUNS_HERE] if native else _verdict(getattr(facts, "problems", ()))),
        *_surface(facts),
        *_origin(facts),
    ]
    sections = _sections(facts.sections)
    if sections:
        blocks.append(_section_table(sections))
    exports, imports = _names(facts.exports), _names(facts.imports)
    blocks.append(_name_fold("exports", exports, _KNOWN_EXPORTS))
    if imports:
        blocks.append(_name_fold("imports", imports, [*HOSTCALLS, *WASI_PREVIEW_1]))
    return Document(tuple(blocks))


def _verdict(problems: Sequence[str]) -> list[Block]:
    if not problems:
        return [Paragraph(inline(Span("✓ Envoy can load this module.", "good")))]
    refused = Paragraph(inline(Span("✗ Envoy would reject this module:", "bad")))
    return [refused, *(Paragraph(inline("  • ", problem)) for problem in problems)]


def _surface(facts: Any) -> Iterator[Block]:
    """What it hears of, and what it may ask for."""
    callbacks = [e.removeprefix("proxy_") for e in _names(facts.exports) if e in CALLBACKS]
    yield _fact("callbacks", ", ".join(callbacks) or "none")
    calls = {i for i in _names(facts.imports) if i in HOSTCALLS}
    if calls:
        yield _fact("hostcalls", plural(len(calls), "import"))
    if facts.memory:
        yield _fact("memory", f"{size(facts.memory)} at start")


def _origin(facts: Any) -> Iterator[Block]:
    """How a filter of ours was made."""
    if not getattr(facts, "python", ""):
        return
    runtime = f", runtime {facts.runtime[:12]}" if facts.runtime else ""
    yield _fact("run by" if facts.native else "inside", f"Python {facts.python}, wasmnb {facts.sdk}{runtime}")
    beyond = ", ".join([*facts.packages, *facts.modules])
    if beyond:
        yield _fact("imports", beyond)
    times = ", ".join(f"{step} {duration(seconds * 1e9)}" for step, seconds in facts.build_times.items())
    yield _fact("built in", times)


def _fact(name: str, text: str) -> Paragraph:
    return Paragraph(inline(Span(f"{name:<10} ", "muted"), text))


def facts_html(facts: Any, name: str = "", number: int | None = None) -> str:
    """Facts of a module as HTML."""
    return to_html(facts_document(facts, name, number))


def facts_text(facts: Any, name: str = "", number: int | None = None) -> str:
    """Facts of a module as text."""
    return to_text(facts_document(facts, name, number))
