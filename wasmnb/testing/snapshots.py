"""Traces as text that stays the same from run to run and reads well in a diff.

Left out are times, sequence numbers, VM and context numbers, and what differs by chance: request ids, dates. A context is
called by its kind and order of appearance, a worker by its name. A snapshot lies in a file beside the test; run pytest
with `--wasm-update`, or with WASMNB_UPDATE=1 in the environment, to write it anew.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from ..abi import Status
from ..messages import to_text
from .matchers import fail

__all__ = ["assert_snapshot", "snapshot", "updating"]

#: Environment variable that makes snapshots be written anew.
SWITCH = "WASMNB_UPDATE"

#: Header names whose values differ from run to run.
CHANCE = frozenset({"x-request-id", "date", "x-envoy-upstream-service-time", "x-b3-traceid", "traceparent"})

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_WIDEST = 160

#: Arguments that only number things.
_NUMBERS = frozenset({"context_id", "root_context_id", "parent_context_id", "token", "context"})

#: Hostcalls and notes that say nothing about what a filter does.
_QUIET = frozenset({"get_current_time_nanoseconds", "clock_time_get", "random_get"})


def snapshot(
    source: Any,
    *,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    mask: Callable[[str], str] | None = None,
) -> str:
    """A trace as text, one line an event, hostcalls indented below their callback.

    Parameters
    ----------
    source
        A simulated proxy, an exchange of one, a trace, or a sequence of events.
    only
        If given: names of the only events that count (`on_request_headers`, `log`, `http_call`, ...).
    without
        Names of events to leave out.
    mask
        Called with every line; gives the line to write, for what differs by chance in your own filter.
    """
    events = getattr(source, "trace", None)
    events = getattr(source, "events", source) if events is None else events
    writer = _Writer(frozenset(only), frozenset(without) | _QUIET, mask)
    return "".join(f"{line}\n" for event in events if (line := writer.line(event)))


class _Writer:
    def __init__(self, only: frozenset[str], without: frozenset[str], mask: Callable[[str], str] | None) -> None:
        self.only = only
        self.without = without
        self.mask = mask or (lambda line: line)
        self.contexts: dict[tuple[Any, Any], str] = {}
        self.number = count(1).__next__

    def line(self, event: Any) -> str:
        if event.name in self.without or (self.only and event.name not in self.only):
            return ""
        args = ", ".join(f"{k}={_value(v)}" for k, v in event.args.items() if k not in _NUMBERS)
        text = f"{event.name}({args})" + self._outcome(event)
        if event.parent is None:
            text = f"{event.thread} {self._context(event)}{text}"
        return self.mask(_UUID.sub("<uuid>", ("    " if event.parent is not None else "") + text))

    def _context(self, event: Any) -> str:
        if event.context is None:
            return ""
        key = (event.vm, event.context)
        if key not in self.contexts:
            self.contexts[key] = "vm" if event.context == 0 else f"#{self.number()}"
        return f"{self.contexts[key]} "

    @staticmethod
    def _outcome(event: Any) -> str:
        parts = []
        if event.status is not None and event.status != Status.OK:
            parts.append(getattr(event.status, "name", str(event.status)))
        if event.result is not None and not (event.kind == "hostcall" and event.name.endswith(("_call", "_stream"))):
            parts.append(_value(event.result))
        return f" -> {' '.join(parts)}" if parts else ""


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return "{" + ", ".join(f"{_text(n)}: {_masked(_text(n), _text(v))}" for n, v in value) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bytes | str):
        text = _text(value)
        short = text if len(text) <= _WIDEST else f"{text[:_WIDEST]}... ({len(text)} characters)"
        return repr(short)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return str(getattr(value, "name", value))


def _text(value: Any) -> str:
    return to_text(value) if isinstance(value, bytes) else str(value)


def _masked(name: str, value: str) -> str:
    return "<masked>" if name.lower() in CHANCE else value


def updating() -> bool:
    """Whether snapshots are to be written anew."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def assert_snapshot(text: Any, path: str | Path, *, update: bool | None = None) -> None:
    """A text is what the file has; write the file if it is new, or when updating.

    Parameters
    ----------
    text
        The text, or anything that `snapshot` takes.
    path
        Where the snapshot lies.
    update
        True to write it, False never to; by default as WASMNB_UPDATE (or `--wasm-update`) says.
    """
    __tracebackhide__ = True
    there = text if isinstance(text, str) else snapshot(text)
    file = Path(path)
    if updating() if update is None else update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(there, encoding="utf-8")
        return
    if not file.exists():
        fail(f"there is no snapshot {file} yet; run with {SWITCH}=1 (or pytest --wasm-update) to write this:", there)
    wanted = file.read_text(encoding="utf-8")
    if wanted != there:
        lines = difflib.unified_diff(wanted.splitlines(), there.splitlines(), str(file), "this run", lineterm="", n=3)
        fail(f"the snapshot {file.name} differs; if that is right, run with {SWITCH}=1 (or --wasm-update)", *lines)
