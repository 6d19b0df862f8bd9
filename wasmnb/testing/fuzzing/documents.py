"""The document of a fuzzing report: the findings, each with its message and the smallest scenario as a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...view.render.document import CodeBlock, Document, DocumentBlock, Fold, Paragraph, TextSpan, Title, inline
from ...view.render.units import plural

__all__ = ["finding_document", "report_document"]


def report_document(report: Any) -> Document:
    """Return a document with the number of findings, the findings, and the extent of the search."""
    findings = [block for finding in report.findings for block in _finding(finding)]
    return Document((_title(report), *findings, _effort(report)))


def finding_document(finding: Any) -> Document:
    """Return a document with one finding of the fuzzer."""
    return Document(tuple(_finding(finding)))


def _title(report: Any) -> Title:
    verdict = plural(len(report.findings), "finding") if report.findings else "no findings"
    return Title(
        inline(TextSpan(report.name, "strong"), "   ", TextSpan(verdict, "bad" if report.findings else "good"))
    )


def _effort(report: Any) -> Paragraph:
    searched = (
        f"{plural(report.tried, 'scenario')} in {report.seconds:.1f} s covered {plural(report.features, 'feature')}"
    )
    stopped = ". The search was interrupted, so there may be more findings" if report.interrupted else ""
    return Paragraph(inline(TextSpan(f"{searched}{stopped}.", "muted")))


def _finding(finding: Any) -> Iterator[DocumentBlock]:
    first, _, rest = finding.message.partition("\n")
    when = f"   after {finding.seconds:.1f} s and {plural(finding.tried, 'scenario')}"
    yield Paragraph(
        inline(TextSpan(f"✗ {finding.kind}", "bad"), "   ", TextSpan(first, "strong"), TextSpan(when, "muted"))
    )
    if rest:
        yield CodeBlock(rest)
    if finding.test:
        yield Fold(
            inline("The smallest scenario as a test, which fails until the fault is fixed"),
            (CodeBlock(finding.test),),
            open=True,
        )
