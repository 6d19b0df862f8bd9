"""The context tree: threads, their VMs, plugin contexts in them, streams in those, with Envoy's own counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .document import Block, Document, Inline, Item, Outline, Paragraph, Span, Title, inline
from .to_html import to_html
from .to_text import to_text
from .units import count, duration, plural, size, words
from .values import state_role

if TYPE_CHECKING:
    from wasmnb.host import TreeNode

__all__ = ["details_of", "role_of", "tree_document", "tree_html", "tree_text"]

_STREAMS_SHOWN = 12  # live streams under one plugin before the rest become a line
_STATE_HIDDEN = ("running", "")  # what needs no word

#: VMs that Envoy makes at start and never sends a request to.
FOLDED = ("base", "canary")


def _walk(node: TreeNode) -> Iterator[TreeNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def role_of(vm: TreeNode) -> str:
    """`base`, `canary`, or an empty string for a VM that lives and serves."""
    for word in FOLDED:
        if word in (vm.name, vm.label, vm.facts.get("role"), vm.state) or vm.name.startswith(word):
            return word
    return "base" if vm.state == "template" else ""


def _fact(key: str, value: Any) -> str:
    """One fact: sizes and times in their units, the rest as it is."""
    name = words(key)
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if isinstance(value, int | float):
        if "memory" in key or key.endswith("_bytes") or key == "size":
            return f"{name.removesuffix(' bytes')} {size(value)}"
        if key.endswith("_ns"):
            return f"{name[:-3]} {duration(value)}"
        return f"{name} {count(value)}"
    return f"{name} {value}"


def details_of(node: TreeNode) -> str:
    """Counts and facts of a node in one line."""
    parts = [plural(n, words(k).removesuffix("s"), words(k)) for k, n in node.counts.items() if n]
    parts += [_fact(k, v) for k, v in node.facts.items() if v not in (None, "", b"") and k != "role"]
    return " · ".join(parts)


def _line(node: TreeNode) -> Inline:
    label = node.label if node.label and node.label != node.name else ""
    state = () if node.state in _STATE_HIDDEN else inline(" ", state_role(node.state))
    details = details_of(node)
    return inline(
        Span(node.kind, "muted"), " ", Span(node.name, "strong"), f" {label}" if label else "", state,
        Span(f"  {details}", "muted") if details else "",
    )  # fmt: skip


def _item(node: TreeNode) -> Item:
    children = [_item(c) for c in node.children[:_STREAMS_SHOWN]]
    rest = len(node.children) - len(children)
    if rest and node.kind == "plugin":
        children.append(Item(inline(Span(f"… and {plural(rest, 'more stream')}", "muted"))))
    else:
        children += [_item(c) for c in node.children[_STREAMS_SHOWN:]]
    return Item(_line(node), tuple(children), folded=node.kind == "vm" and bool(role_of(node)))


def _summary(node: TreeNode) -> str:
    """How many of each there are, as Envoy counts them."""
    vms = [n for n in _walk(node) if n.kind == "vm"]
    apart = Counter(role_of(vm) for vm in vms)
    plugins = sum(n.kind == "plugin" for vm in vms for n in _walk(vm))
    in_canary = sum(n.kind == "plugin" for vm in vms if role_of(vm) for n in _walk(vm))
    streams = sum(n.kind == "stream" for n in _walk(node))
    made = [f"{apart[word]} {word}" for word in FOLDED if apart[word]]
    aside = f" ({', '.join(made)}, {len(vms) - sum(apart[w] for w in FOLDED)} serving)" if made else ""
    canary = f" ({in_canary} of them the canary's)" if in_canary else ""
    return " · ".join(
        [plural(len(vms), "VM") + aside, plural(plugins, "plugin context") + canary, plural(streams, "live stream")]
    )


def tree_document(node: TreeNode) -> Document:
    """The tree as a document."""
    if node.kind != "proxy":
        return Document((Outline((_item(node),)),))
    top = inline(Span(node.name, "strong"), Span(f"  {node.label}", "muted") if node.label else "")
    if node.state not in _STATE_HIDDEN:
        top = inline(top, " ", state_role(node.state))
    details = details_of(node)
    blocks: list[Block] = [Title(top), Paragraph(inline(Span(_summary(node), "muted")))]
    if details:
        blocks.append(Paragraph(inline(Span(details, "muted"))))
    return Document((*blocks, Outline(tuple(_item(c) for c in node.children))))


def tree_html(node: TreeNode) -> str:
    """The tree as nested lists that open and close; base and canary VMs start closed."""
    return to_html(tree_document(node))


def tree_text(node: TreeNode) -> str:
    """The tree as a terminal shows it."""
    return to_text(tree_document(node))
