"""Traces as text that stays the same from run to run and reads well in a diff.

Left out are times, sequence numbers, VM and context numbers, and what differs by chance: request ids, dates. A stream is
called by its order of appearance, a plugin's own context `plugin`, a worker by its name, a metric or queue by the name that
it was made with. Header maps stand one header a line, so that a diff shows the header that changed. A snapshot lies in a
file beside the test; run pytest with `--wasm-update`, or with WASMNB_UPDATE=1 in the environment, to write it anew.
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
from .assertions.expectations import meant
from .assertions.matchers import fail
from .events import events_of
from .update_switch import SWITCH

__all__ = ["assert_snapshot", "snapshot", "updating"]

#: Header names whose values differ from run to run.
CHANCE = frozenset({"x-request-id", "date", "x-envoy-upstream-service-time", "x-b3-traceid", "traceparent"})

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_WIDEST = 160

#: From which likeness on a name that is not known is taken for another's.
_ALIKE = 0.85

#: Arguments that only number things.
_NUMBERS = frozenset({"context_id", "root_context_id", "parent_context_id", "token"})

#: Hostcalls that say nothing about what a filter does (nor does WASI), and marks in the trace that a hostcall tells better.
_QUIET = frozenset({"get_current_time_nanoseconds"})
_TOLD_BY_HOSTCALLS = frozenset({"http_call", "grpc_call"})

#: Callbacks of a plugin's own context.
_OF_PLUGINS = (
    "on_vm_start", "on_configure", "on_tick", "on_queue_ready", "on_http_call_response", "on_grpc_",
)  # fmt: skip

#: Hostcalls that give a number to something with a name -> argument with the name; and the arguments that take it.
_NAMING = {"define_metric": "name", "register_shared_queue": "name", "resolve_shared_queue": "name"}
_NAMED = {"metric_id": "define_metric", "queue_id": "register_shared_queue", "token": "register_shared_queue"}


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
    events = list(events_of(source, "A snapshot needs the simulated proxy."))
    there = {event.name for event in events}
    chosen, left_out = frozenset(_known(only, there)), frozenset(_known(without, there))
    writer = _Writer(chosen, left_out | _QUIET, mask, _all_events(source, events))
    return "".join(f"{line}\n" for event in events for line in writer.lines(event))


def _known(names: Iterable[str], there: Iterable[str]) -> Iterator[str]:
    """Names of events as the trace has them; one that looks like another's is a mistake, and would select nothing."""
    crossings = {c.short for c in CALLBACKS.values()} | {h.short for h in HOSTCALLS.values()}
    for name in [names] if isinstance(names, str) else names:
        short = name.removeprefix("proxy_")
        known = sorted(crossings.union(there))
        if short not in known and (short.startswith("on_") or difflib.get_close_matches(short, known, 1, _ALIKE)):
            raise UsageError(f"There is no event {name!r}; {meant(short, known)}")
        yield short


def _all_events(source: Any, events: list[Any]) -> Iterable[Any]:
    """All that the proxy knows: what an exchange's own events refer to by number may have been named before it."""
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
        """The event, with its header maps below it."""
        if event.name in self.without or (self.only and event.name not in self.only):
            return
        if event.kind == "wasi" or (event.kind == "stream" and event.name in _TOLD_BY_HOSTCALLS):
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
            elif key not in _NUMBERS and key not in maps and not (key == "context" and event.kind == "hostcall"):
                yield f"{key}={_value(value)}"

    def _context(self, event: Any) -> str:
        if event.context is None:
            return ""
        of_plugin = event.name.startswith(_OF_PLUGINS) or event.args.get("parent_context_id") == 0
        return self._name(event.vm, event.context, of_plugin=of_plugin)

    def _name(self, vm: Any, context: Any, *, of_plugin: bool = False) -> str:
        key = (vm, context)
        if key not in self.contexts:
            self.contexts[key] = "vm" if context == 0 else "plugin" if of_plugin else f"#{next(self.streams)}"
        return f"{self.contexts[key]} "

    @staticmethod
    def _outcome(event: Any) -> tuple[str, dict[str, Any]]:
        """What follows an arrow, and a map that was the result."""
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
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}... ({len(text)} characters)"


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
