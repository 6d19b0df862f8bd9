"""Extraction of the constants in a filter: strings and numbers in its source, or in the data of its module.

Random bytes would never form a header such as `x-debug: dump`. But if a filter checks for this header, its constants contain
both strings.
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

#: Names of headers that many HTTP filters use.
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

#: Maximum number of strings. (A module that contains a whole interpreter has thousands.)
_MAX_VALUES = 400


@dataclass
class Vocabulary:
    """Constants of a filter, sorted by their possible use. The same constant can have several uses.

    Attributes
    ----------
    names
        Possible names of headers.
    values
        Possible values of headers, and all other strings.
    paths
        Possible paths of requests.
    keys
        Possible keys of JSON objects.
    numbers
        Possible sizes, statuses and counts.
    own
        Number of `names` that come from the filter. They are at the start of the list.
    queues
        Names of the shared queues registered by the filter. Empty until the filter has been started.
    """

    names: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    own: int = 0
    queues: list[str] = field(default_factory=list)


def vocabulary_of(filters: Any) -> Vocabulary:
    """Return the constants in a filter, a plugin, or all filters of a chain."""
    vocabulary = Vocabulary()
    chain = filters if isinstance(filters, list | tuple) else [filters]
    for item in chain:
        wasm_filter = getattr(item, "filter", item)
        source = getattr(wasm_filter, "source", None)
        constants = (
            _source_constants(source) if isinstance(source, str) else _module_strings(getattr(wasm_filter, "wasm", b""))
        )
        for constant in constants:
            _add_constant(vocabulary, constant)
        _add_configuration(vocabulary, getattr(item, "config", b""))
    vocabulary.own = len(vocabulary.names)
    vocabulary.names += [n for n in _COMMON_NAMES if n not in vocabulary.names]
    vocabulary.values += _COMMON_VALUES
    vocabulary.paths += ["/", "/a/b?x=1&y=2", "/%41//../", "/?", "/index.html"]
    return vocabulary


def _source_constants(source: str) -> Iterator[str | int]:
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


def _module_strings(wasm: bytes) -> Iterable[str]:
    return (m.group().decode("latin-1") for m in _PRINTABLE.finditer(wasm[-4_000_000:]))


def _add_configuration(vocabulary: Vocabulary, config: Any) -> None:
    text = config.decode("utf-8", "replace") if isinstance(config, bytes) else str(config)
    for word in re.findall(r"[\w/.:-]{1,60}", text):
        _add_constant(vocabulary, int(word) if word.isdigit() and len(word) < 10 else word)


def _add_constant(vocabulary: Vocabulary, constant: str | int) -> None:
    if isinstance(constant, int):
        if abs(constant) < 1 << 20 and constant not in vocabulary.numbers:
            vocabulary.numbers.append(constant)
        return
    if not constant or len(constant) > 200 or len(vocabulary.values) > _MAX_VALUES:
        return
    if constant.startswith("/") and constant not in vocabulary.paths:
        vocabulary.paths.append(constant)
    lower = constant.lower()
    if _NAME.match(lower) and lower not in vocabulary.names:
        vocabulary.names.append(lower)
    if constant not in vocabulary.values:
        vocabulary.values.append(constant)
    if re.match(r"\w{1,40}\Z", constant) and constant not in vocabulary.keys:
        vocabulary.keys.append(constant)
