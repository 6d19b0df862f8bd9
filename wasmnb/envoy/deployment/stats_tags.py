"""Envoy's `stats_tags` setting for the tags of a filter's metrics. The SDK writes tags into metric names,
as in `zone.a.hits`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

__all__ = ["stats_tags", "tag_names"]

_METRICS = frozenset(("Counter", "Gauge", "Histogram"))


def tag_names(source: str) -> list[str]:
    """Return the names of metric tags in a filter's source, from `Counter("hits", tags={"zone": ...})` and
    `.with_tags(zone=...)`.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "with_tags":
            names += [keyword.arg for keyword in node.keywords if keyword.arg]
        elif called in _METRICS:
            tags = [k.value for k in node.keywords if k.arg == "tags"] + node.args[1:2]
            for value in tags:
                if isinstance(value, ast.Dict):
                    names += [k.value for k in value.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
    return list(dict.fromkeys(names))


def stats_tags(names: Iterable[str]) -> list[dict[str, str]]:
    """Return an entry of `stats_tags` for each tag. For the tag `zone`, it removes `zone.a.` from a metric's name and uses the
    value `a`.
    """
    return [
        {
            "tag_name": re.sub(r"[^a-zA-Z0-9_]", "_", name),
            "regex": rf"^wasmcustom\.(?:.*\.)?({re.escape(name)}\.([^.]+)\.)",
        }
        for name in names
    ]
