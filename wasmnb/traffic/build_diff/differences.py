"""Differences between two observations. The key of a difference identifies it without the two values.

Consequences of another difference are left out: if status or number of upstream requests differ, everything else differs as well,
and if the body differs, so does the content-length. Request ids that the proxy generates aren't compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from ...messages import Request, Response, to_text
from .observation import Observation

__all__ = ["Difference", "DifferenceKey", "differences"]

#: Numbers, hexadecimal ids and quoted texts in log lines, which differ from request to request.
_VARIABLE = re.compile(r"\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\"")

#: Ids that the proxy generates. They are random, and differ when one of the filters uses more random numbers.
_GENERATED_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89a-f][0-9a-f]{3}-[0-9a-f]{12}")

Pairs = list[tuple[bytes, bytes]]


class DifferenceKey(NamedTuple):
    """Identity of a difference without the two values."""

    area: str
    name: str
    change: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two filters do differently.

    Attributes
    ----------
    area
        `outcome`, `response`, `upstream request`, `log`, `metric` or `callout`.
    name
        Part of the area: `header x-user`, `body`, a metric's name.
    change
        `added`, `removed`, `changed`, `renamed`, `order`, or for an outcome both of them: `200 -> 403`.
    old, new
        Both values, as text, bytes or numbers; None for an absent one.
    """

    area: str
    name: str
    change: str
    old: Any = None
    new: Any = None

    @property
    def key(self) -> DifferenceKey:
        """Area, name and change."""
        return DifferenceKey(self.area, self.name, self.change)

    @property
    def title(self) -> str:
        """Area, name and change as text."""
        return " ".join(part for part in (self.area, self.name, self.change) if part)


def differences(old: Observation, new: Observation) -> list[Difference]:
    """Return the differences between two observations; an empty list if there are none."""
    if old == new:
        return []
    outcomes = _outcome(old), _outcome(new)
    if outcomes[0] != outcomes[1]:
        return [Difference("outcome", "", f"{outcomes[0]} -> {outcomes[1]}", *outcomes)]
    unlike = [*_messages("response", old.response, new.response)]
    for ours, theirs in zip(old.upstream_requests, new.upstream_requests, strict=True):
        unlike += _request("upstream request", ours, theirs)
    unlike += _log(old.log, new.log)
    unlike += _metrics(old.metrics, new.metrics)
    unlike += _callouts(old.callouts, new.callouts)
    return list({difference.key: difference for difference in unlike}.values())


def _outcome(observation: Observation) -> str:
    """Return a summary: state, status, and number of upstream requests."""
    status = str(observation.status or "no response")
    state = "" if observation.state == "done" else f" {observation.state}"
    if observation.response is not None and observation.response.reset:
        state += " reset"
    sent = len(observation.upstream_requests)
    upstream = "" if sent == 1 else " without upstream request" if not sent else f" with {sent} upstream requests"
    return f"{status}{state}{upstream}"


def _request(area: str, old: Request, new: Request) -> Iterator[Difference]:
    for name in ("method", "path", "authority", "scheme"):
        if getattr(old, name) != getattr(new, name):
            yield Difference(area, name, "changed", getattr(old, name), getattr(new, name))
    yield from _messages(area, old, new)


def _messages(area: str, old: Request | Response | None, new: Request | Response | None) -> Iterator[Difference]:
    if old is None or new is None or old == new:
        return
    body = old.body != new.body
    if body:
        yield Difference(area, "body", "changed", old.body, new.body)
    elif old.chunks != new.chunks:
        yield Difference(area, "body chunks", "changed", old.chunks, new.chunks)
    ignored = b"content-length" if body else b""
    yield from _headers(area, "header", old.headers.raw, new.headers.raw, ignored)
    yield from _headers(area, "trailer", old.trailers.raw, new.trailers.raw, b"")


def _headers(area: str, noun: str, old: Pairs, new: Pairs, ignored: bytes) -> Iterator[Difference]:
    if old == new:
        return
    before, after = _grouped(old), _grouped(new)
    renamed = _renamed(before, after)
    if renamed is not None:
        both = f"{noun} {to_text(renamed[0])} -> {to_text(renamed[1])}"
        yield Difference(
            area,
            both,
            "renamed",
            *(_joined(side.pop(name)) for side, name in zip((before, after), renamed, strict=True)),
        )
    changed = renamed is not None
    for name in {**before, **after}:
        ours, theirs = before.get(name), after.get(name)
        if ours != theirs and name != ignored and not _both_generated(name, ours, theirs):
            changed = True
            kind = "added" if ours is None else "removed" if theirs is None else "changed"
            yield Difference(area, f"{noun} {to_text(name)}", kind, _joined(ours), _joined(theirs))
    if not changed and before == after:
        names = (b", ".join(name for name, _ in old), b", ".join(name for name, _ in new))
        yield Difference(area, f"{noun}s", "order", *names)


def _both_generated(name: bytes, ours: list[bytes] | None, theirs: list[bytes] | None) -> bool:
    """Return whether both values are request ids that the proxy generated."""
    if name != b"x-request-id" or not ours or not theirs:
        return False
    return all(_GENERATED_ID.fullmatch(value) for value in (*ours, *theirs))


def _renamed(before: dict[bytes, list[bytes]], after: dict[bytes, list[bytes]]) -> tuple[bytes, bytes] | None:
    """Return both names if exactly one header is missing, one is new, and they have the same value."""
    removed, added = before.keys() - after.keys(), after.keys() - before.keys()
    if len(removed) == len(added) == 1:
        old, new = next(iter(removed)), next(iter(added))
        return (old, new) if before[old] == after[new] else None
    return None


def _grouped(pairs: Pairs) -> dict[bytes, list[bytes]]:
    grouped: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _joined(values: list[bytes] | None) -> bytes | None:
    return None if values is None else b", ".join(values)


def _log(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> Iterator[Difference]:
    """Compare lines; lines that were replaced are one difference for each pair."""
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for index in range(max(b - a, d - c)):
            ours = old[a + index] if a + index < b else None
            theirs = new[c + index] if c + index < d else None
            kind = "added" if ours is None else "removed" if theirs is None else "changed"
            name = " -> ".join(dict.fromkeys(_shape(line) for line in (ours, theirs) if line is not None))
            yield Difference("log", name, kind, _line(ours), _line(theirs))


def _shape(line: tuple[str, str]) -> str:
    """Return a line without the parts that vary."""
    return f"{line[0]} {_VARIABLE.sub('…', line[1].splitlines()[-1] if line[1] else '')}"


def _line(line: tuple[str, str] | None) -> str | None:
    return None if line is None else " ".join(line)


def _metrics(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            kind = "added" if name not in old else "removed" if name not in new else "changed"
            yield Difference("metric", name, kind, old.get(name), new.get(name))


def _callouts(old: Sequence[Any], new: Sequence[Any]) -> Iterator[Difference]:
    for index in range(max(len(old), len(new))):
        ours, theirs = (side[index] if index < len(side) else None for side in (old, new))
        if ours is None or theirs is None or ours.cluster != theirs.cluster:
            kind = "added" if ours is None else "removed" if theirs is None else "changed"
            clusters = [None if each is None else each.cluster for each in (ours, theirs)]
            name = "to " + " -> ".join(cluster for cluster in clusters if cluster is not None)
            yield Difference("callout", name, kind, *clusters)
            continue
        yield from _request(f"callout to {ours.cluster}", ours.request, theirs.request)
        for field in ("state", "messages"):
            if getattr(ours, field) != getattr(theirs, field):
                values = getattr(ours, field), getattr(theirs, field)
                yield Difference(f"callout to {ours.cluster}", field, "changed", *values)
