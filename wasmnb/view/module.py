"""What a module is: its ABI, what it imports and exports, what makes up its size, and what would stop Envoy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wasmnb.abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS

from .document import Block, Code, Column, Document, Fold, Paragraph, Row, Span, Table, Title, inline
from .to_html import to_html
from .to_text import to_text
from .units import plural, size

__all__ = ["facts_document", "facts_html", "facts_text"]

_KINDS = {"core": "core Wasm module", "component": "Wasm component", "other": "not a Wasm file"}


def _names(items: Iterable[Any]) -> list[str]:
    """Names of imports or exports, given as objects with `.name`, tuples or text."""
    return [item if isinstance(item, str) else str(getattr(item, "name", None) or item[-1]) for item in items]


def _sections(sections: Any) -> list[tuple[str, int]]:
    pairs = sections.items() if isinstance(sections, dict) else sections
    named = [(p[0], p[1]) if isinstance(p, tuple) else (p.name, p.size) for p in pairs]
    return sorted(((str(n), int(b)) for n, b in named), key=lambda pair: -pair[1])


def _bar(part: int, whole: int, width: int = 20) -> str:
    return "█" * max(1, round(width * part / whole)) if part and whole else ""


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
        `wasmnb.build.ModuleFacts`, or anything with its attributes.
    name, number
        File name, and size of the file in bytes.
    """
    version = getattr(facts.abi_version, "text", facts.abi_version)
    abi = f"Proxy-Wasm ABI {version}" if version else "no Proxy-Wasm ABI marker"
    whole = [_KINDS.get(facts.kind, facts.kind), abi, *([size(number)] if number is not None else [])]
    blocks: list[Block] = [Title(inline(Span(name or "module", "strong"), Span(f"   {' · '.join(whole)}", "muted")))]
    if facts.problems:
        blocks.append(Paragraph(inline(Span("✗ Envoy would refuse this module:", "bad"))))
        blocks += [Paragraph(inline("  • ", problem)) for problem in facts.problems]
    else:
        blocks.append(Paragraph(inline(Span("✓ Nothing stops Envoy from loading this module.", "good"))))
    exports, imports = _names(facts.exports), _names(facts.imports)
    callbacks = [e.removeprefix("proxy_") for e in exports if e in CALLBACKS]
    blocks.append(Paragraph(inline(Span("callbacks  ", "muted"), ", ".join(callbacks) or "none")))
    calls = sorted({i.removeprefix("proxy_") for i in imports if i in HOSTCALLS})
    blocks.append(Paragraph(inline(Span("hostcalls  ", "muted"), plural(len(calls), "import"))))
    known_exports = [*CALLBACKS, *ENTRY_POINTS, "memory", "malloc", "proxy_on_memory_allocate"]
    blocks.append(_section_table(_sections(facts.sections)))
    blocks.append(_name_fold("exports", exports, known_exports))
    blocks.append(_name_fold("imports", imports, HOSTCALLS))
    return Document(tuple(blocks))


def facts_html(facts: Any, name: str = "", number: int | None = None) -> str:
    """Facts of a module as HTML."""
    return to_html(facts_document(facts, name, number))


def facts_text(facts: Any, name: str = "", number: int | None = None) -> str:
    """Facts of a module as text."""
    return to_text(facts_document(facts, name, number))
