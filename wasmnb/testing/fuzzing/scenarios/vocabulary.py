"""Words that a filter seems to know: strings and numbers of its source, or of its module's data.

Chance alone never writes `x-debug: dump`; a filter that looks for it has it among its constants.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Vocabulary", "vocabulary_of"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
_PRINTABLE = re.compile(rb"[\x20-\x7e]{3,60}")

#: Words that every HTTP filter may know.
_COMMON_NAMES = (
    "accept", "authorization", "content-type", "cookie", "host", "user-agent", "x-forwarded-for", "x-request-id",
    "content-length", "content-encoding", "origin", "referer",
)  # fmt: skip
_COMMON_VALUES = (
    "application/json",
    "text/plain",
    "application/grpc",
    "Bearer token",
    "Basic YTpi",
    "a=1; b=2",
    "gzip",
    "true",
    "0",
    "*",
)

#: Constants kept, so that a module with a whole Python in it does not drown the ones that matter.
_MOST = 400


@dataclass
class Vocabulary:
    """Words by what they may be.

    Attributes
    ----------
    names, values, paths
        For headers and for the request's target.
    keys
        For JSON.
    numbers
        Of any use: sizes, statuses, counts.
    own
        How many of the names are the filter's own; they come first.
    queues
        Names of shared queues that it has registered; whoever runs it finds out.
    """

    names: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    own: int = 0
    queues: list[str] = field(default_factory=list)


def vocabulary_of(filters: Any) -> Vocabulary:
    """Words of a filter, a plugin, or several."""
    found = Vocabulary()
    several = filters if isinstance(filters, list | tuple) else [filters]
    for item in several:
        chosen = getattr(item, "filter", item)
        source = getattr(chosen, "source", None)
        constants = _python(source) if isinstance(source, str) else _module(getattr(chosen, "wasm", b""))
        for constant in constants:
            _sort_in(found, constant)
        _sort_configuration(found, getattr(item, "config", b""))
    found.own = len(found.names)
    found.names += [n for n in _COMMON_NAMES if n not in found.names]
    found.values += _COMMON_VALUES
    found.paths += ["/", "/a/b?x=1&y=2", "/%41//../", "/?", "/index.html"]
    return found


def _python(source: str) -> Iterator[str | int]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    documented = {id(d) for d in _docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documented:
            value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            if isinstance(value, str | int) and not isinstance(value, bool):
                yield value


def _docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            yield body[0].value


def _module(wasm: bytes) -> Iterable[str]:
    return (m.group().decode("latin-1") for m in _PRINTABLE.finditer(wasm[-4_000_000:]))


def _sort_configuration(found: Vocabulary, config: Any) -> None:
    text = config.decode("utf-8", "replace") if isinstance(config, bytes) else str(config)
    for word in re.findall(r"[\w/.:-]{1,60}", text):
        _sort_in(found, int(word) if word.isdigit() and len(word) < 10 else word)


def _sort_in(found: Vocabulary, constant: str | int) -> None:
    if isinstance(constant, int):
        if abs(constant) < 1 << 20 and constant not in found.numbers:
            found.numbers.append(constant)
        return
    if not constant or len(constant) > 200 or len(found.values) > _MOST:
        return
    if constant.startswith("/") and constant not in found.paths:
        found.paths.append(constant)
    lower = constant.lower()
    if _NAME.match(lower) and lower not in found.names:
        found.names.append(lower)
    if constant not in found.values:
        found.values.append(constant)
    if re.match(r"\w{1,40}\Z", constant) and constant not in found.keys:
        found.keys.append(constant)
