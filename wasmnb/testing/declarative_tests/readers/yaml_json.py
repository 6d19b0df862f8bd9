"""Readers of YAML and JSON that return nodes with line numbers.

YAML is read with PyYAML's composer, which records line numbers. PyYAML's constructors aren't used, so a test file can't run
code. JSON is checked with the module `json`, and then read as YAML, because JSON is a subset of YAML.
"""

from __future__ import annotations

import json
from typing import Any

from ....abi.text import encode_text
from ..errors import FixtureError, SourceLocation
from .nodes import BlockEntry, Many, MessageNode, Scalar, SyntaxNode

__all__ = ["read_json", "read_yaml"]

_TAGS = {"null": "null", "int": "number", "float": "number", "bool": "word"}

#: Maximum depth of nested nodes, and maximum number of nodes in a file. (Aliases of aliases can grow exponentially.)
DEPTH, NODES = 100, 200_000


def read_yaml(data: bytes, file: str) -> SyntaxNode:
    """Read a file with one YAML document.

    Parameters
    ----------
    data
        Content of the file.
    file
        Name of the file for error messages.

    Returns
    -------
    SyntaxNode
        The document. An empty file is returned as an empty message.

    Raises
    ------
    FixtureError
        The text is not YAML. The message contains the line.
    """
    from ....parsing.yaml_lines import YamlError, compose

    try:
        root = compose(data)
    except YamlError as error:
        raise FixtureError(f"the file is not valid YAML: {error}.", SourceLocation(file, error.line)) from error
    return MessageNode(1) if root is None else _Converter(file).node(root, 0)


def read_json(data: bytes, file: str) -> SyntaxNode:
    """Read a file with one JSON document.

    Parameters
    ----------
    data
        Content of the file.
    file
        Name of the file for error messages.

    Returns
    -------
    SyntaxNode
        The document.

    Raises
    ------
    FixtureError
        The text is not JSON. The message contains the line.
    """
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        raise FixtureError(f"the file is not valid JSON: {error.msg}.", SourceLocation(file, error.lineno)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise FixtureError(f"the file is not valid JSON: {error}.", SourceLocation(file)) from error
    # Tabs, with which JSON can be indented, are not allowed in YAML. (JSON strings don't contain tabs.)
    return read_yaml(data.replace(b"\t", b" "), file)


class _Converter:
    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0

    def node(self, node: Any, depth: int) -> SyntaxNode:
        line = node.start_mark.line + 1
        self.count += 1
        if depth > DEPTH or self.count > NODES:
            raise FixtureError(
                f"the file is nested more than {DEPTH} levels deep here, or expands to more than {NODES:,} nodes.",
                SourceLocation(self.file, line),
            )
        if node.id == "mapping":
            return self.block(node, line, depth)
        if node.id == "sequence":
            return Many(tuple(self.node(n, depth + 1) for n in node.value), line)
        return Scalar(self.kind(node), encode_text(_joined(node.value)), line)

    def block(self, node: Any, line: int, depth: int) -> MessageNode:
        block = MessageNode(line)
        for key, value in node.value:
            if key.id != "scalar":
                raise FixtureError(
                    "the name of a field must be a single word.", SourceLocation(self.file, key.start_mark.line + 1)
                )
            block.entries.append(BlockEntry(key.value, self.node(value, depth + 1), key.start_mark.line + 1))
        return block

    @staticmethod
    def kind(node: Any) -> Any:
        plain = not node.style  # None from PyYAML's scanner, '' from libyaml's
        return _TAGS.get(node.tag.rpartition(":")[2], "string") if plain else "string"


def _joined(text: str) -> str:
    """Join surrogate pairs. JSON can write one character as two escapes, which YAML reads as two surrogates."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
