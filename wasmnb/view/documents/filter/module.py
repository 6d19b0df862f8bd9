"""The document of a module: its ABI, imports, exports and sections, the reasons why Envoy would reject it, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wasmnb._display import short
from wasmnb.abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS, AbiVersion
from wasmnb.abi.crashes import crashes_of
from wasmnb.abi.wasi import WASI_PREVIEW_1

from ...render.document import (
    CodeBlock,
    Column,
    Document,
    DocumentBlock,
    Fold,
    Paragraph,
    Row,
    Table,
    TextSpan,
    Title,
    inline,
)
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural, size

__all__ = ["facts_document", "facts_html", "facts_text"]

_KNOWN_EXPORTS = (
    *CALLBACKS, *ENTRY_POINTS, *(v.marker for v in AbiVersion), "memory", "malloc", "proxy_on_memory_allocate", "wasmnb_control",
)  # fmt: skip
#: Maximum number of known and of unknown names in a list, and maximum number of sections.
_NAMES, _SECTIONS = 1_000, 100

_RUNS_HERE = Paragraph(
    inline("Runs in this Python instead of Wasm, for debuggers, coverage and profilers. Read `.wasm` to compile it.")
)
_KINDS = {"core": "core Wasm module", "component": "Wasm component", "other": "not a Wasm file"}


def _names(items: Iterable[Any]) -> list[str]:
    """Return the names of imports or exports, which may be objects with `.name`, tuples or text."""
    return [item if isinstance(item, str) else str(getattr(item, "name", None) or item[-1]) for item in items]


def _sections(sections: Any) -> list[tuple[str, int]]:
    pairs = sections.items() if isinstance(sections, dict) else sections
    named = [(p[0], p[1]) if isinstance(p, tuple) else (p.name, p.size) for p in pairs]
    return sorted(((str(n), int(b)) for n, b in named), key=lambda pair: -pair[1])


def _bar(part: int, total: int, width: int = 20) -> str:
    return "█" * round(width * part / total) or "▏" if total else ""


def _section_table(sections: Sequence[tuple[str, int]]) -> Table:
    total = sum(b for _, b in sections)
    shown, hidden = list(sections[:_SECTIONS]), sections[_SECTIONS:]
    if hidden:
        shown.append((f"{len(hidden):,} more", sum(b for _, b in hidden)))
    rows = [
        Row((inline(TextSpan(short(n), "code")), inline(size(b)), inline(TextSpan(_bar(b, total), "muted"))))
        for n, b in shown
    ]
    return Table((Column("section"), Column("size", "right", wrap=False), Column("share", wrap=False)), tuple(rows))


def _name_fold(title: str, names: Sequence[str], known: Iterable[str]) -> Fold:
    """Return a foldable list of names. Unknown names come first and are marked by `?`. Long lists are shortened."""
    known = set(known)
    kinds = [n for n in names if n not in known], [n for n in names if n in known]
    lines = [f"{mark} {short(n)}" for mark, kind in zip("? ", kinds, strict=True) for n in kind[:_NAMES]]
    hidden = sum(len(kind[_NAMES:]) for kind in kinds)
    lines += [f"… {hidden:,} more"] if hidden else []
    return Fold(inline(TextSpan(title, "strong"), TextSpan(f"  {len(names)}", "muted")), (CodeBlock("\n".join(lines)),))


def facts_document(facts: Any, name: str = "", number: int | None = None) -> Document:
    """Return a document about a module.

    Parameters
    ----------
    facts
        A `wasmnb.compiler.ModuleFacts` or `FilterInfo` with the facts to show.
    name
        Name of the file (default: the name of the filter).
    number
        Size of the file in bytes (default: `facts.size`).
    """
    number = getattr(facts, "size", None) if number is None else number
    version = getattr(facts.abi_version, "text", facts.abi_version)
    abi = f"Proxy-Wasm ABI {version}" if version else "no Proxy-Wasm ABI marker"
    kind = getattr(facts, "kind", "core")
    native = getattr(facts, "native", False)
    facts_line = ["native" if native else _KINDS.get(kind, kind), abi, *([size(number)] if number else [])]
    name = name or getattr(facts, "name", "module")
    blocks: list[DocumentBlock] = [
        Title(inline(TextSpan(name, "strong"), TextSpan(f"   {' · '.join(facts_line)}", "muted")))
    ]
    blocks += [
        *([_RUNS_HERE] if native else _verdict(getattr(facts, "problems", ()))),
        *_warnings(getattr(facts, "warnings", ())),
        *_surface(facts),
        *_origin(facts),
        *_release(facts),
    ]
    sections = _sections(facts.sections)
    if sections:
        blocks.append(_section_table(sections))
    exports, imports = _names(facts.exports), _names(facts.imports)
    blocks.append(_name_fold("exports", exports, _KNOWN_EXPORTS))
    if imports:
        blocks.append(_name_fold("imports", imports, [*HOSTCALLS, *WASI_PREVIEW_1]))
    blocks += _crashes(facts)
    return Document(tuple(blocks))


def _verdict(problems: Sequence[str]) -> list[DocumentBlock]:
    if not problems:
        return [Paragraph(inline(TextSpan("✓ Envoy can load this module.", "good")))]
    rejected = Paragraph(inline(TextSpan("✗ Envoy would reject this module:", "bad")))
    return [rejected, *(Paragraph(inline("  • ", problem)) for problem in problems)]


def _warnings(warnings: Sequence[str]) -> Iterator[DocumentBlock]:
    """Yield a paragraph for each warning about the module."""
    for warning in warnings:
        yield Paragraph(inline(TextSpan("! ", "warn"), warning))


def _surface(facts: Any) -> Iterator[DocumentBlock]:
    """Yield lines about the module's callbacks, hostcalls and memory."""
    callbacks = [CALLBACKS[e].short for e in _names(facts.exports) if e in CALLBACKS]
    yield _fact("callbacks", ", ".join(callbacks) or "none")
    calls = {i for i in _names(facts.imports) if i in HOSTCALLS}
    if calls:
        yield _fact("hostcalls", plural(len(calls), "import"))
    if facts.memory:
        yield _fact("memory", f"{size(facts.memory)} at start")


def _crashes(facts: Any) -> Iterator[DocumentBlock]:
    """Yield the hostcalls of a module that can crash Envoy. Filters that use the Python SDK can't crash it."""
    imports = _names(facts.imports)
    crashes = crashes_of(HOSTCALLS[name].short for name in imports if name in HOSTCALLS)
    if not crashes or "wasmnb_control" in _names(facts.exports):
        return
    version = crashes[0].versions[-1].rpartition(".")[0]
    summary = inline(
        TextSpan(f"what crashes Envoy {version}", "strong"), TextSpan(f"  {plural(len(crashes), 'way')}", "muted")
    )
    rows = (Paragraph(inline("  • ", crash.action, TextSpan(f"  {crash.instead}", "muted"))) for crash in crashes)
    yield Fold(summary, tuple(rows))


def _origin(facts: Any) -> Iterator[DocumentBlock]:
    """Yield lines about how wasmnb built a filter: versions, imports and build times."""
    if not getattr(facts, "python", ""):
        return
    runtime = f", runtime {facts.runtime[:12]}" if facts.runtime else ""
    yield _fact("runs in" if facts.native else "inside", f"Python {facts.python}, wasmnb {facts.sdk}{runtime}")
    additional = ", ".join([*facts.packages, *facts.modules])
    if additional:
        yield _fact("imports", additional)
    times = ", ".join(f"{step} {duration(seconds * 1e9)}" for step, seconds in facts.build_times.items())
    yield _fact("built in", times)


def _release(facts: Any) -> Iterator[DocumentBlock]:
    """Yield lines about the compiled and the interpreted code of a release module."""
    release = getattr(facts, "release", None)
    if release is None:
        return
    yield _fact(
        "compiled",
        f"{plural(release.compiled, 'function')}, {size(release.compiled_bytes)}; "
        f"interpreted: {plural(release.interpreted, 'function')}, {size(release.interpreted_bytes)}",
    )
    loaded = f"in every VM, because it uses {', '.join(release.uses)}" if release.uses else "when the module was built"
    yield _fact("top level", f"runs {loaded}" if release.uses else f"ran {loaded}")
    if release.interpreted_time is not None:
        yield _fact("profile", f"{release.interpreted_time:.0%} of its traffic's time in interpreted code (estimated)")


def _fact(name: str, text: str) -> Paragraph:
    return Paragraph(inline(TextSpan(f"{name:<10} ", "muted"), text))


def facts_html(facts: Any, name: str = "", number: int | None = None) -> str:
    """Return the document of a module as HTML.

    Parameters
    ----------
    facts
        A `wasmnb.compiler.ModuleFacts` or `FilterInfo` with the facts to show.
    name
        Name of the file (default: the name of the filter).
    number
        Size of the file in bytes (default: `facts.size`).
    """
    return to_html(facts_document(facts, name, number))


def facts_text(facts: Any, name: str = "", number: int | None = None) -> str:
    """Return the document of a module as text.

    Parameters
    ----------
    facts
        A `wasmnb.compiler.ModuleFacts` or `FilterInfo` with the facts to show.
    name
        Name of the file (default: the name of the filter).
    number
        Size of the file in bytes (default: `facts.size`).
    """
    return to_text(facts_document(facts, name, number))
