"""Snapshots of traces, as text that is the same in every run.

A snapshot omits times, sequence numbers, numbers of VMs and contexts, and random values such as request ids and dates. Streams
are numbered in order of appearance, and metrics and queues have their defined names. Each header has its own line, so that a
diff shows which header has changed. Snapshots are files in the test's folder. Run pytest with `--wasm-update` or with
WASMNB_UPDATE=1 to write them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from ..abi import CALLBACKS, HOSTCALLS, Status
from ..errors import UsageError
from ..messages import to_bytes, to_text
from ..parsing.random_values import RANDOM_HEADERS, UUID
from ..view.documents.proxy.trace import result_of
from .assertions.expectations import suggestion
from .assertions.matchers import fail
from .events import events_of
from .update_switch import SWITCH

__all__ = ["assert_snapshot", "snapshot", "updating"]

#: Headers that are masked. Ids of traces are random if a client or a filter generates them.
_MASKED_HEADERS = RANDOM_HEADERS | {b"x-b3-traceid", b"traceparent"}

_LONGEST_VALUE = 160

#: Similarity (0 to 1) above which an unknown name is considered a misspelling.
_SIMILARITY = 0.85

#: Arguments that are omitted, because they are numbers without meaning for a reader.
_NUMBER_ARGUMENTS = frozenset({"context_id", "root_context_id", "parent_context_id", "token"})

#: Hostcalls that are omitted. Stream events that duplicate a hostcall and WASI calls are omitted as well.
_SKIPPED_HOSTCALLS = frozenset({"get_current_time_nanoseconds"})
_DUPLICATE_EVENTS = frozenset({"http_call", "grpc_call"})

#: Callbacks that are called on a plugin's context.
_PLUGIN_CALLBACKS = (
    "on_vm_start", "on_configure", "on_tick", "on_queue_ready", "on_http_call_response", "on_grpc_",
)  # fmt: skip

#: Hostcall that returns a number for a name -> its argument that contains the name. Below: arguments that contain the number.
_NAMING = {"define_metric": "name", "register_shared_queue": "name", "resolve_shared_queue": "name"}
_NAMED = {"metric_id": "define_metric", "queue_id": "register_shared_queue", "token": "register_shared_queue"}


def snapshot(
    source: Any,
    *,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    mask: Callable[[str], str] | None = None,
) -> str:
    """Convert a trace to text that is the same in every run. Each event has a line, and hostcalls are indented.

    Parameters
    ----------
    source
        A simulated proxy, one of its exchanges, a trace, or a sequence of events.
    only
        Names of the events to include, such as `on_request_headers`, `log` or `http_call` (default all).
    without
        Names of events to omit (default none).
    mask
        Function that receives every line and returns the line to write (default None: lines are unchanged). Use it to replace
        random values created by your filter.

    Returns
    -------
    str
        The trace as text.

    Raises
    ------
    UsageError
        There is no event with one of the names, or the source belongs to a real Envoy.
    """
    events = list(events_of(source, "A snapshot needs the simulated proxy."))
    recorded = {event.name for event in events}
    included, excluded = frozenset(_event_names(only, recorded)), frozenset(_event_names(without, recorded))
    writer = _SnapshotWriter(included, excluded | _SKIPPED_HOSTCALLS, mask, _all_events(source, events))
    return "".join(f"{line}\n" for event in events for line in writer.lines(event))


def _event_names(names: Iterable[str], recorded: Iterable[str]) -> Iterator[str]:
    """Yield the names of events as the trace spells them. Raises UsageError for an unknown name."""
    crossings = {c.short for c in CALLBACKS.values()} | {h.short for h in HOSTCALLS.values()}
    for name in [names] if isinstance(names, str) else names:
        short = name.removeprefix("proxy_")
        known = sorted(crossings.union(recorded))
        if short not in known and (short.startswith("on_") or difflib.get_close_matches(short, known, 1, _SIMILARITY)):
            raise UsageError(f"Unknown event {name!r}: {suggestion(short, known)}")
        yield short


def _all_events(source: Any, events: list[Any]) -> Iterable[Any]:
    """Return all events of the proxy, because events of an exchange can refer to metrics and queues defined earlier."""
    environment = getattr(source, "_server", None)
    return events if environment is None else environment.trace


class _SnapshotWriter:
    def __init__(
        self,
        only: frozenset[str],
        without: frozenset[str],
        mask: Callable[[str], str] | None,
        everything: Iterable[Any],
    ) -> None:
        self.only = only
        self.without = without
        self.mask = mask or (lambda line: line)
        self.contexts: dict[tuple[Any, Any], str] = {}
        self.streams = count(1)
        named = [e for e in everything if e.kind == "hostcall" and e.name in _NAMING]
        self.names = {(e.vm, _kind(e.name), e.result): _text(e.args.get(_NAMING[e.name], "")) for e in named}

    def lines(self, event: Any) -> Iterator[str]:
        """Yield the line of an event, and then a line for each header of its header maps."""
        if event.name in self.without or (self.only and event.name not in self.only):
            return
        if event.kind == "wasi" or (event.kind == "stream" and event.name in _DUPLICATE_EVENTS):
            return
        maps = {k: v for k, v in event.args.items() if _is_map(v)}
        outcome, result = self._outcome(event)
        maps.update(result)
        place = f"{event.thread} {self._context(event)}" if event.parent is None else "    "
        yield self._clean(f"{place}{event.name}({', '.join(self._arguments(event, maps))}){outcome}")
        indent = "    " if event.parent is None else "        "
        for name, pairs in maps.items():
            if len(maps) > 1:
                yield f"{indent}{name}:"
            for key, value in pairs:
                text = f"{_text(key)}: {_masked(_text(key), _text(value))}"
                yield self._clean(f"{indent}{'  ' if len(maps) > 1 else ''}{_short(text)}".rstrip())

    def _clean(self, line: str) -> str:
        return self.mask(UUID.sub("<uuid>", line))

    def _arguments(self, event: Any, maps: dict[str, Any]) -> Iterator[str]:
        if event.name == "set_effective_context":
            yield self._name(event.vm, event.args.get("context_id", event.args.get("context"))).strip()
        for key, value in event.args.items():
            known = self.names.get((event.vm, _NAMED.get(key, ""), value)) if isinstance(value, int) else None
            if known is not None:
                yield repr(known)
            elif (
                key not in _NUMBER_ARGUMENTS and key not in maps and not (key == "context" and event.kind == "hostcall")
            ):
                yield f"{key}={_value(value)}"

    def _context(self, event: Any) -> str:
        if event.context is None:
            return ""
        is_plugin = event.name.startswith(_PLUGIN_CALLBACKS) or event.args.get("parent_context_id") == 0
        return self._name(event.vm, event.context, is_plugin=is_plugin)

    def _name(self, vm: Any, context: Any, *, is_plugin: bool = False) -> str:
        key = (vm, context)
        if key not in self.contexts:
            self.contexts[key] = "vm" if context == 0 else "plugin" if is_plugin else f"#{next(self.streams)}"
        return f"{self.contexts[key]} "

    @staticmethod
    def _outcome(event: Any) -> tuple[str, dict[str, Any]]:
        """Return the text after the arrow, and a dict that contains the result if the result is a header map."""
        parts = []
        if event.status is not None and event.status != Status.OK:
            parts.append(getattr(event.status, "name", str(event.status)))
        if _is_map(event.result):
            return f" -> {' '.join([*parts, f'{len(event.result)} headers'])}", {"result": event.result}
        numbers = event.kind == "hostcall" and (event.name.endswith(("_call", "_stream")) or event.name in _NAMING)
        if event.result is not None and not numbers:
            parts.append(_value(result_of(event)))
        return f" -> {' '.join(parts)}" if parts else "", {}


def _kind(name: str) -> str:
    return "register_shared_queue" if name == "resolve_shared_queue" else name


def _is_map(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], tuple)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bytes | str):
        return repr(_short(_text(value)))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return str(getattr(value, "name", value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text)} characters)"


def _text(value: Any) -> str:
    return to_text(value) if isinstance(value, bytes) else str(value)


def _masked(name: str, value: str) -> str:
    return "<masked>" if to_bytes(name.lower()) in _MASKED_HEADERS else value


def updating() -> bool:
    """Return whether snapshots are written instead of compared."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def assert_snapshot(text: Any, path: str | Path, *, update: bool | None = None) -> None:
    """Assert that a text or a trace equals the contents of a snapshot file.

    Parameters
    ----------
    text
        A text, or a proxy, exchange or trace, which is converted with `snapshot`.
    path
        Path of the snapshot file.
    update
        Whether to write the file instead of comparing with it (default None: write it if WASMNB_UPDATE=1 or `--wasm-update` is
        set).

    Raises
    ------
    AssertionError
        The text differs from the file, or the file doesn't exist.
    """
    __tracebackhide__ = True
    actual = text if isinstance(text, str) else snapshot(text)
    file = Path(path)
    if updating() if update is None else update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(actual, encoding="utf-8")
        return
    if not file.exists():
        fail(f"snapshot {file} doesn't exist. Run with {SWITCH}=1 (or pytest --wasm-update) to write it:", actual)
    expected = file.read_text(encoding="utf-8")
    if expected != actual:
        lines = difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), str(file), "this run", lineterm="", n=3
        )
        fail(
            f"snapshot {file.name} differs. To accept the change, run with {SWITCH}=1 (or pytest --wasm-update)", *lines
        )
