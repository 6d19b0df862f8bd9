"""Tab completion inside filter classes: callbacks after `def`, and attributes after `self.`.

Header maps and bodies are offered only in callbacks in which Envoy allows access to them (`wasmnb.abi.phases`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..abi import PHASES, BufferType, HeaderMapType, Phase
from ..sdk import HttpContext, PluginContext, TcpContext, VMContext
from ..sdk.loading.callbacks import HANDLERS, handlers_of

__all__ = ["FilterCompletions", "filter_completions"]

_BASES: dict[str, tuple[str, type]] = {
    "VMContext": ("vm", VMContext),
    "PluginContext": ("plugin", PluginContext),
    "HttpContext": ("http", HttpContext),
    "TcpContext": ("tcp", TcpContext),
}

#: Attribute of a context -> the header map or buffer that it reads.
_RESOURCES: dict[str, HeaderMapType | BufferType] = {
    "request_headers": HeaderMapType.REQUEST_HEADERS,
    "request_trailers": HeaderMapType.REQUEST_TRAILERS,
    "response_headers": HeaderMapType.RESPONSE_HEADERS,
    "response_trailers": HeaderMapType.RESPONSE_TRAILERS,
    "downstream_data": BufferType.DOWNSTREAM_DATA,
    "upstream_data": BufferType.UPSTREAM_DATA,
}

_CLASS = re.compile(r"^(?P<indent>\s*)class\s+\w+\s*\(\s*(?:\w+\.)*(?P<base>\w+)")
_DEF = re.compile(r"^(?P<indent>\s*)(?:async\s+)?def\s+(?P<name>\w+)\s*\(")
_NEW_DEF = re.compile(r"^\s+(?:async\s+)?def\s+(?P<word>\w*)$")
_ATTRIBUTE = re.compile(r"\bself\.(?P<word>\w*)$")


class FilterCompletions(NamedTuple):
    """Completions for the word at the cursor.

    Attributes
    ----------
    word
        The word at the cursor, which the completions replace.
    names
        The completions. Empty outside of filter classes.
    """

    word: str
    names: list[str]


def filter_completions(text: str) -> FilterCompletions:
    """Return the completions at the cursor, if it is inside a filter class.

    Parameters
    ----------
    text
        Text of the cell up to the cursor.
    """
    *before, line = text.split("\n")
    indent = len(line) - len(line.lstrip())
    base = _enclosing(before, _CLASS, indent)
    if base is None or base["base"] not in _BASES:
        return FilterCompletions("", [])
    kind, context_class = _BASES[base["base"]]
    definition = _NEW_DEF.match(line)
    if definition is not None:
        signatures = [f"{handler.signature}:" for handler in handlers_of(kind)]
        return _starting_with(definition["word"], signatures)
    attribute = _ATTRIBUTE.search(line)
    method = _enclosing(before, _DEF, indent)
    if attribute is None or method is None:
        return FilterCompletions("", [])
    return _starting_with(attribute["word"], _attributes(kind, context_class, method["name"]))


def _enclosing(lines: list[str], pattern: re.Pattern[str], indent: int) -> re.Match[str] | None:
    """Return the match of the last line that matches `pattern` and is indented by less than `indent` spaces."""
    for line in reversed(lines):
        match = pattern.match(line)
        if match is not None and len(match["indent"]) < indent:
            return match
    return None


def _attributes(kind: str, context_class: type, method: str) -> list[str]:
    """Return the public attributes of a context class, without maps and buffers that aren't available in a method."""
    names = [name for name in dir(context_class) if not name.startswith(("_", "on_", "new_"))]
    handler = HANDLERS.get((kind, method))
    if handler is None:  # a helper method can be called in any callback
        return names
    phase = PHASES[handler.callback]
    return [name for name in names if name not in _RESOURCES or _is_available(_RESOURCES[name], phase)]


def _is_available(resource: HeaderMapType | BufferType, phase: Phase) -> bool:
    if isinstance(resource, HeaderMapType):  # maps and buffers have the same numbers
        return resource in phase.reads or resource in phase.creates
    return resource in phase.buffers


def _starting_with(word: str, names: list[str]) -> FilterCompletions:
    return FilterCompletions(word, [name for name in names if name.startswith(word)])
