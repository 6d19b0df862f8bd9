"""Write the result of a replay or a comparison as JUnit XML, for CI systems."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

from ..errors import UsageError

if TYPE_CHECKING:
    from .build_diff.report import DiffReport
    from .replay.report import ReplayReport

__all__ = ["write_junit"]

#: Characters that aren't allowed in XML 1.0.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Case(NamedTuple):
    """A JUnit test case. `failure` is empty if the test passed."""

    name: str
    failure: str
    detail: str = ""


def write_junit(report: ReplayReport | DiffReport, path: str | PathLike[str]) -> None:
    """Write a report as JUnit XML. For a comparison, each group of differences is a failed test case.

    Parameters
    ----------
    report
        Result of `replay` or `diff`.
    path
        Path of the XML file.

    Raises
    ------
    UsageError
        The file can't be written.
    """
    from .build_diff.report import DiffReport

    cases = _diff_cases(report) if isinstance(report, DiffReport) else _replay_cases(report)
    failures = sum(bool(case.failure) for case in cases)
    name = f"{report.old} -> {report.new}" if isinstance(report, DiffReport) else report.name
    suite = ET.Element(
        "testsuite", name=_attribute(f"wasmnb {name}"), tests=str(len(cases)), failures=str(failures), errors="0", skipped="0"
    )  # fmt: skip
    for case in cases:
        _add(suite, case, report.traffic)
    ET.indent(suite)
    try:
        Path(path).write_bytes(ET.tostring(suite, "utf-8", xml_declaration=True) + b"\n")
    except OSError as error:
        raise UsageError(
            f"The JUnit file {str(path)!r} can't be written: {error.strerror or error}. Choose another path."
        ) from None


def _replay_cases(report: Any) -> list[_Case]:
    failure = f"{report.failed} of {report.read} exchanges failed." if report.failed else ""
    return [_Case("replay", failure, "\n".join(report.messages)), _complete(report)]


def _diff_cases(report: Any) -> list[_Case]:
    groups = [
        _Case(
            group.title,
            f"{group.count} of {report.replayed} exchanges differ.",
            "\n".join(f"{d.title}: {d.old!r} -> {d.new!r}" for d in group.differences)
            + f"\nSmallest example: {group.example.recorded.request.method} {group.example.recorded.request.path}",
        )
        for group in report.groups
    ]
    return [*(groups or [_Case("same behaviour", "")]), _complete(report)]


def _complete(report: Any) -> _Case:
    """Return the test case that fails if no exchange was replayed."""
    return _Case("traffic", "" if report.replayed else "No exchange was replayed.", "\n".join(report.messages))


def _add(suite: ET.Element, case: _Case, traffic: str) -> None:
    element = ET.SubElement(suite, "testcase", classname=_attribute(traffic), name=_attribute(case.name))
    if case.failure:
        ET.SubElement(element, "failure", message=_attribute(case.failure)).text = _clean(case.detail)


def _attribute(text: str) -> str:
    return _clean(text).replace("\n", " ")


def _clean(text: str) -> str:
    """Replace the characters that XML can't contain, which ElementTree would write."""
    return _FORBIDDEN.sub("\ufffd", text)
