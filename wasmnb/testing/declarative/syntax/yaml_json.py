"""The same suites in YAML and JSON, read into nodes with their lines.

YAML goes through PyYAML's composer, which keeps the lines, and never through its constructors: nothing of a test file is
executed. JSON is read as YAML is, since every JSON text is one, after `json` has found its syntax to be sound.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import FixtureError, SourceLocation
from .nodes import Block, BlockEntry, Many, Node, Scalar

__all__ = ["read_json", "read_yaml"]

_TAGS = {"null": "null", "int": "number", "float": "number", "bool": "word"}

#: Nodes inside each other, and nodes in all: an alias of an alias must not grow without end.
DEPTH, NODES = 100, 200_000


def read_yaml(data: bytes, file: str) -> Node:
    """Read a file of one YAML document.

    Raises
    ------
    FixtureError
        The text is not YAML; the error has the line.
    """
    from ....formats.yaml_lines import YamlError, compose

    try:
        root = compose(data)
    except YamlError as error:
        raise FixtureError(f"this is not YAML: {error}.", SourceLocation(file, error.line)) from error
    return Block(1) if root is None else _Converter(file).node(root, 0)


def read_json(data: bytes, file: str) -> Node:
    """Read a file of one JSON document; raises FixtureError with the line."""
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        raise FixtureError(f"this is no JSON: {error.msg}.", SourceLocation(file, error.lineno)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise FixtureError(f"this is no JSON: {error}.", SourceLocation(file)) from error
    # Tabs may indent JSON but not YAML; between tokens a space does as well.
    return read_yaml(data.replace(b"\t", b" "), file)


class _Converter:
    def __init__(self, file: str) -> None:
        self.file = file
        self.made = 0

    def node(self, node: Any, depth: int) -> Node:
        line = node.start_mark.line + 1
        self.made += 1
        if depth > DEPTH or self.made > NODES:
            raise FixtureError("this is nested too deep, or expands without end.", SourceLocation(self.file, line))
        if node.id == "mapping":
            return self.block(node, line, depth)
        if node.id == "sequence":
            return Many(tuple(self.node(n, depth + 1) for n in node.value), line)
        return Scalar(self.kind(node), _joined(node.value).encode(), line)

    def block(self, node: Any, line: int, depth: int) -> Block:
        block = Block(line)
        for key, value in node.value:
            if key.id != "scalar":
                raise FixtureError("a field's name is expected.", SourceLocation(self.file, key.start_mark.line + 1))
            block.entries.append(BlockEntry(key.value, self.node(value, depth + 1), key.start_mark.line + 1))
        return block

    @staticmethod
    def kind(node: Any) -> Any:
        plain = node.style is None
        return _TAGS.get(node.tag.rpartition(":")[2], "string") if plain else "string"


def _joined(text: str) -> str:
    """JSON writes characters beyond the basic plane as two escapes; YAML reads these as two halves."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
