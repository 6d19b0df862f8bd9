"""Snapshots: traces as text that is the same in every run and readable in a diff.

Times, sequence numbers, VM and context numbers, and random values such as request ids and dates are left out. A stream
is named by its order of appearance, the plugin's own context `plugin`, a worker by its name, and a metric or queue by the
name of its definition. Header maps have one line for each header, so that a diff shows the header that changed. A
snapshot is a file in the test's folder. Run pytest with `--wasm-update`, or with WASMNB_UPDATE=1, to write it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from ..abi import CALLBACKS, HOSTCALLS, Status
from ..errors import UsageError
from ..messages import to_text
from ..view.documents.proxy.trace import result_of
from .assertions.expectations import suggestion
from .assertions.matchers import fail
from .events import events_of
from .update_switch import SWITCH

__all__ = ["assert_snapshot", "snapshot", "updating"]

#: Headers whose values differ in every run.
RANDOM_HEADERS = frozenset({"x-request-id", "date", "x-envoy-upstream-service-time", "x-b3-traceid", "traceparent"})

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_LONGEST_VALUE = 160

#: Similarity at which an unknown name counts as a misspelling.
_SIMILARITY = 0.85

#: Arguments that are numbers without meaning for a reader.
_NUMBER_ARGUMENTS = frozenset({"context_id", "root_context_id", "parent_context_id", "token"})

#: Hostcalls that are left out, and stream events that duplicate a hostcall. WASI calls are left out as well.
_SKIPPED_HOSTCALLS = frozenset({"get_current_time_nanoseconds"})
_DUPLICATE_EVENTS = frozenset({"http_call", "grpc_call"})

#: Callbacks of a plugin context.
_PLUGIN_CALLBACKS = (
    "on_vm_start", "on_configure", "on_tick", "on_queue_ready", "on_http_call_response", "on_grpc_",
)  # fmt: skip

#: Hostcalls that return a number for a name -> argument with the name; and the arguments that take the number.
_NAMING = {"define_metric": "name", "register_shared_queue": "name", "resolve_shared_queue": "name"}
_NAMED = {"metric_id": "define_metric", "queue_id": "register_shared_queue", "token": "register_shared_queue"}


def snapshot(
    source: Any,
    *,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    mask: Callable[[str], str] | None = None,
) -> str:
    """Return a trace as text, one line for each event, with hostcalls indented below their callback.

    Parameters
    ----------
    source
        A simulated proxy, one of its exchanges, a trace, or a sequence of events.
    only
        Names of the events to include, such as `on_request_headers`, `log` or `http_call` (default all).
    without
        Names of events to leave out (default none).
    mask
        Function that is called with every line and returns the line to write (default None). Use it to hide random values of
        your filter.

    Returns
    -------
    str
        The trace as text.

    Raises
    ------
    UsageError
        An event name doesn't exist, or the source belongs to a real Envoy.
    """
    events = list(events_of(source, "A snapshot needs the simulated proxy."))
    recorded = {event.name for event in events}
    included, excluded = frozenset(_event_names(only, recorded)), frozenset(_event_names(without, recorded))
    writer = _Writer(included, excluded | _SKIPPED_HOSTCALLS, mask, _all_events(source, events))
    return "".join(f"{line}\n" for event in events for line in writer.lines(event))


def _event_names(names: Iterable[str], recorded: Iterable[str]) -> Iterator[str]:
    """Yield names of events as in the trace. A misspelt name raises `UsageError` because it would select nothing."""
    crossings = {c.short for c in CALLBACKS.values()} | {h.short for h in HOSTCALLS.values()}
    for name in [names] if isinstance(names, str) else names:
        short = name.removeprefix("proxy_")
        known = sorted(crossings.union(recorded))
        if short not in known and (short.startswith("on_") or difflib.get_close_matches(short, known, 1, _SIMILARITY)):
            raise UsageError(f"Unknown event {name!r}: {suggestion(short, known)}")
        yield short


def _all_events(source: Any, events: list[Any]) -> Iterable[Any]:
    """Return all events of the proxy: events of an exchange can refer to names that were defined before it."""
    environment = getattr(source, "_server", None)
    return events if environment is None else environment.trace


class _Writer:
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
        """Yield the lines of an event: the event, then its header maps."""
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
        return self.mask(_UUID.sub("<uuid>", line))

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
        """Return the text after the arrow, and the result if it is a header map."""
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
    return "<masked>" if name.lower() in RANDOM_HEADERS else value


def updating() -> bool:
    """Return whether snapshots are written instead of compared."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def assert_snapshot(text: Any, path: str | Path, *, update: bool | None = None) -> None:
    """Assert that a text equals a snapshot file.

    Parameters
    ----------
    text
        Text, or an argument of `snapshot`.
    path
        Path of the snapshot file.
    update
        True: write the file. False: compare with it. None (the default): as WASMNB_UPDATE or `--wasm-update` says.

    Raises
    ------
    AssertionError
        The text differs, or the file doesn't exist.
    """
    __tracebackhide__ = True
    actual = text if isinstance(text, str) else snapshot(text)
    file = Path(path)
    if updating() if update is None else update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(actual, encoding="utf-8")
        return
    if not file.exists():
        fail(f"snapshot {file} doesn't exist; run with {SWITCH}=1 (or pytest --wasm-update) to write it:", actual)
    expected = file.read_text(encoding="utf-8")
    if expected != actual:
        lines = difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), str(file), "this run", lineterm="", n=3
        )
        fail(f"snapshot {file.name} differs; to accept the change, run with {SWITCH}=1 (or --wasm-update)", *lines)
