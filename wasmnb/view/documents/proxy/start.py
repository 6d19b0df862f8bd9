"""The start of a proxy: the VMs that Envoy creates (base VM, canary, one per thread), and the callbacks in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wasmnb.abi import ENTRY_POINTS

from ...render.document import Fold, Inline, Outline, OutlineItem, Paragraph, TextSpan, inline
from ...render.units import duration, plural
from .trace import by_callback, trace_items

if TYPE_CHECKING:
    from wasmnb.host import Event, Proxy, TreeNode
    from wasmnb.host.inspect.tree import CreatedContexts

__all__ = ["StartStep", "VmStart", "context_notes", "start_fold", "summary_of", "vm_starts"]

#: Maximum number of VMs that are shown.
_SHOWN = 24

#: Role of a VM -> why Envoy creates it.
_REASONS = {
    "base": "Envoy loads the module once for each VM key (code, VM configuration, vm_id) and runs its entry points. "
    "This VM gets no plugin and no traffic; the threads' VMs are copies of it.",
    "canary": "A VM on trial: the plugin starts and reads its configuration here. If it refuses, Envoy refuses the "
    "configuration. The VM is dropped immediately, without on_done.",
    "main": "The main thread's own VM. Services and access loggers may work here; requests never arrive here.",
    "worker": "The worker's own VM, which handles its requests. Python variables in it are not shared with other workers.",
}

#: Role of a VM -> its description.
_ROLES = {"base": "base VM", "canary": "canary VM", "main": "main thread's VM", "worker": "worker's VM"}

#: Callback -> what happens in it during the start.
_MEANINGS = {
    "start section": "the module prepares its memory",
    "on_context_create": "creates the plugin's context",
    "on_vm_start": "the VM starts; it can read the VM configuration",
    "on_configure": "the plugin reads its configuration, and refuses it with false",
}

#: Class of a context -> description for users who see the context tree for the first time.
_CONTEXTS = {
    "VMContext": "one in each VM, context 0: on_vm_start",
    "PluginContext": "one for each plugin in a VM: its configuration, ticks, queues and callouts",
    "HttpContext": "one for each request, in the VM of its worker",
    "TcpContext": "one for each connection, in the VM of its worker",
}


@dataclass(frozen=True)
class StartStep:
    """A callback during the start of a VM.

    Attributes
    ----------
    event
        The callback.
    inner
        The hostcalls inside the callback, without WASI calls.
    meaning
        What happens in the callback, and the number of WASI calls.
    """

    event: Event
    inner: list[Event]
    meaning: str


@dataclass
class VmStart:
    """The start of one VM.

    Attributes
    ----------
    number, thread, role
        Number, thread and role of the VM, as in the context tree.
    created, ready
        Virtual times in seconds at which the VM was created and its last callback ended.
    steps
        The callbacks of the start.
    failure
        Reason why the VM failed. Empty if it didn't.
    failed_at
        Virtual time in seconds at which the VM failed, or None.
    closed_at
        Virtual time in seconds at which the VM was dropped, or None if it exists.
    """

    number: int
    thread: str
    role: str
    created: float
    ready: float
    steps: list[StartStep] = field(default_factory=list)
    failure: str = ""
    failed_at: float | None = None
    closed_at: float | None = None

    @property
    def title(self) -> str:
        """Thread, number and role of the VM, for example `main: VM1, base VM`."""
        return f"{self.thread}: VM{self.number}, {_ROLES.get(self.role, self.role)}"

    @property
    def reason(self) -> str:
        """Reason why Envoy creates this VM. Empty if the role is unknown."""
        return _REASONS.get(self.role, "")

    @property
    def took(self) -> float:
        """Duration of the start in virtual nanoseconds."""
        return max(0.0, self.ready - self.created) * 1e9


def vm_starts(events: Sequence[Event], guest_time: float | None = None) -> list[VmStart]:
    """Return the starts of all VMs in the order of their creation.

    Parameters
    ----------
    events
        Events of the starts, from `Trace.of_starts()`.
    guest_time
        Fixed duration of each callback in virtual seconds (default None: the measured durations).
    """
    starts: dict[int, VmStart] = {}
    for event, inner in by_callback(events):
        if event.vm is None:
            continue
        if event.kind == "vm" and event.name == "created":
            starts[event.vm] = VmStart(event.vm, event.thread, str(event.args.get("role", "")), event.time, event.time)
        elif event.vm in starts:
            _add(starts[event.vm], event, inner, guest_time)
    return list(starts.values())


def _add(start: VmStart, event: Event, inner: list[Event], guest_time: float | None) -> None:
    if event.kind == "callback":
        hostcalls = [e for e in inner if e.kind != "wasi"]
        start.steps.append(StartStep(event, hostcalls, _meaning(event, len(inner) - len(hostcalls))))
        start.ready = event.time + (event.guest_ns / 1e9 if guest_time is None else guest_time)
    elif event.name == "closed":
        start.closed_at = event.time
    elif event.name == "failed" and not start.failure:
        start.failed_at = event.time
        start.failure = f"{event.args.get('callback')} failed: {event.args.get('message')}"


def _meaning(event: Event, calls: int) -> str:
    meaning = _MEANINGS.get(event.name, "")
    if event.name in ENTRY_POINTS:
        meaning = "entry point: the module's top level runs"
    return f"{meaning}; {plural(calls, 'call')} of WASI" if calls else meaning


class ContextNote(NamedTuple):
    """A kind of context in a filter: the SDK's class, the filter's class ('' if none), and a description."""

    sdk_class: str
    filter_class: str
    description: str


def context_notes(tree: TreeNode) -> list[ContextNote]:
    """Return a note for each kind of context in a filter.

    Parameters
    ----------
    tree
        The context tree, from `Proxy.tree()`.
    """
    classes: dict[str, dict[str, None]] = {"VMContext": {}, "PluginContext": {}}
    for node in tree.walk():
        if node.context:
            classes.setdefault(node.context, {})[node.class_name] = None
        created: CreatedContexts | None = node.facts.get("creates")
        if created is not None:
            classes.setdefault(created.context, {})[created.class_name] = None
    return [
        ContextNote(name, ", ".join(filter(None, classes[name])), text)
        for name, text in _CONTEXTS.items()
        if name in classes
    ]


def summary_of(starts: Sequence[VmStart]) -> str:
    """Return the number of VMs and the time at which the last worker was ready: `7 VMs, ready after 45.1 ms`."""
    ready = max((s.ready for s in starts if s.role == "worker"), default=max((s.ready for s in starts), default=0.0))
    return f"{plural(len(starts), 'VM')}, ready after {duration(ready * 1e9)}"


def start_fold(proxy: Proxy) -> list[Fold]:
    """Return a foldable list of VMs and the callbacks of their starts. Empty if the trace has discarded the starts."""
    starts = vm_starts(proxy.trace.of_starts(), proxy.simulation.fixed_time)
    if not starts:
        return []
    summary = inline(TextSpan("start", "strong"), TextSpan(f"  {summary_of(starts)}", "muted"))
    notes = [Paragraph(_note(*note)) for note in context_notes(proxy.tree())]
    items = [_item(start) for start in starts[:_SHOWN]]
    if len(starts) > _SHOWN:
        items.append(OutlineItem(inline(TextSpan(f"… and {plural(len(starts) - _SHOWN, 'more VM')}", "muted"))))
    return [Fold(summary, (*notes, Outline(tuple(items))), open=True)]


def _note(name: str, own: str, text: str) -> Inline:
    return inline(TextSpan(f"{name} {own}".rstrip(), "strong"), TextSpan(f"  {text}", "muted"))


def _item(start: VmStart) -> OutlineItem:
    """Return the start of a VM as a line that unfolds into its callbacks."""
    reason = OutlineItem(inline(TextSpan(start.reason, "muted")))
    dropped = (
        [OutlineItem(inline(TextSpan("dropped", "muted")))] if start.closed_at is not None and not start.failure else []
    )
    return OutlineItem(_line(start), (reason, *map(_step, start.steps), *dropped), folded=True)


def _line(start: VmStart) -> Inline:
    names = ", ".join(step.event.name for step in start.steps)
    failure = (TextSpan(f"  ✗ {start.failure}", "bad"),) if start.failure else ()
    end = "ready" if start.role in ("main", "worker") else "done"
    text = f"  {duration(start.took)}, {end} at {duration(start.ready * 1e9)}: {names or 'no callbacks'}"
    return inline(TextSpan(start.title, "strong"), TextSpan(text, "muted"), *failure)


def _step(step: StartStep) -> OutlineItem:
    (item,) = trace_items([step.event, *step.inner], folded=False, origin=False)
    return OutlineItem(
        inline(*item.line, TextSpan(f"  {step.meaning}" if step.meaning else "", "muted")), item.children
    )
