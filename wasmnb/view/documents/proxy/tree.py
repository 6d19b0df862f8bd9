"""The document of a proxy's context tree: its threads, VMs, plugin contexts and streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...render.document import Document, DocumentBlock, Inline, Outline, OutlineItem, Paragraph, TextSpan, Title, inline
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import as_words, count, duration, plural, size
from ...render.values import state_role

if TYPE_CHECKING:
    from wasmnb.host import TreeNode

__all__ = ["details_of", "is_folded", "role_of", "tree_document", "tree_html", "tree_text"]

_STREAMS_SHOWN = 12  # maximum number of open streams of one plugin
_STATE_HIDDEN = ("running", "")  # states that are not displayed

#: Roles of VMs in the order in which Envoy creates them.
ROLES = ("base", "canary", "main", "worker")

#: Roles that never handle requests.
FOLDED = ("base", "canary")


def _walk(node: TreeNode) -> Iterator[TreeNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def role_of(vm: TreeNode) -> str:
    """Return the role of a VM's node, one of `ROLES`."""
    return str(vm.facts.get("role") or vm.label or "worker")


def _fact(key: str, value: Any) -> str:
    """Format the name and value of a fact. Sizes and times have units."""
    name = as_words(key)
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
    """Return the counts and facts of a node as one line of text."""
    parts = [plural(n, as_words(k).removesuffix("s"), as_words(k)) for k, n in node.counts.items() if n]
    parts += [_fact(k, v) for k, v in node.facts.items() if v not in (None, "", b"") and k != "role"]
    return " · ".join(parts)


def _line(node: TreeNode) -> Inline:
    label = " ".join(filter(None, (node.label if node.label != node.name else "", node.context, node.class_name)))
    state = () if node.state in _STATE_HIDDEN else inline(" ", state_role(node.state))
    details = details_of(node)
    return inline(
        TextSpan(node.kind, "muted"), " ", TextSpan(node.name, "strong"), f" {label}" if label else "", state,
        TextSpan(f"  {details}", "muted") if details else "",
    )  # fmt: skip


def is_folded(node: TreeNode) -> bool:
    """Return whether a node is initially folded. This is the case for base and canary VMs."""
    return node.kind == "vm" and role_of(node) in FOLDED


def _item(node: TreeNode) -> OutlineItem:
    children = [_item(c) for c in node.children[:_STREAMS_SHOWN]]
    rest = len(node.children) - len(children)
    if rest and node.kind == "plugin":
        children.append(OutlineItem(inline(TextSpan(f"… and {plural(rest, 'more stream')}", "muted"))))
    else:
        children += [_item(c) for c in node.children[_STREAMS_SHOWN:]]
    return OutlineItem(_line(node), tuple(children), folded=is_folded(node))


def _by_role(noun: str, roles: Counter[str], aside: dict[str, str]) -> str:
    """Format counts by role: `7 VMs: 1 base, 1 canary, 1 main, 4 workers`."""
    order = [r for r in ROLES if roles[r]] + [r for r in roles if r not in ROLES]
    parts = ", ".join(f"{roles[r]} {r}{'s' * (r == 'worker' and roles[r] > 1)}{aside.get(r, '')}" for r in order)
    return f"{plural(roles.total(), noun)}: {parts}"


def _summary(node: TreeNode) -> list[str]:
    """Return lines with the number of VMs, plugin contexts and streams. A dropped canary VM is included."""
    vms = [n for n in _walk(node) if n.kind == "vm"]
    plugins: Counter[str] = Counter()
    for vm in vms:
        plugins[role_of(vm)] += sum(child.kind == "plugin" for child in vm.children)
    closed = [vm for vm in vms if role_of(vm) == "canary" and not vm.children]
    plugins["canary"] += len(closed)
    aside = {"canary": " (gone)"} if closed else {}
    streams = sum(n.kind == "stream" for n in _walk(node))
    return [
        _by_role("VM", Counter(map(role_of, vms)), aside),
        _by_role("plugin context", +plugins, aside),
        plural(streams, "live stream"),
    ]


def tree_document(node: TreeNode) -> Document:
    """Return a document with the context tree below `node`, and the node itself."""
    if node.kind != "proxy":
        return Document((Outline((_item(node),)),))
    top = inline(TextSpan(node.name, "strong"), TextSpan(f"  {node.label}", "muted") if node.label else "")
    if node.state not in _STATE_HIDDEN:
        top = inline(top, " ", state_role(node.state))
    details = details_of(node)
    blocks: list[DocumentBlock] = [Title(top), *(Paragraph(inline(TextSpan(text, "muted"))) for text in _summary(node))]
    if details:
        blocks.append(Paragraph(inline(TextSpan(details, "muted"))))
    return Document((*blocks, Outline(tuple(_item(c) for c in node.children))))


def tree_html(node: TreeNode) -> str:
    """Return the context tree of `node` as HTML. Base and canary VMs are initially folded."""
    return to_html(tree_document(node))


def tree_text(node: TreeNode) -> str:
    """Return the context tree of `node` as text."""
    return to_text(tree_document(node))
