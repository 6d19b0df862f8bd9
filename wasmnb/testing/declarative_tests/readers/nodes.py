"""Nodes that represent the content of a test file in any syntax: messages, lists and scalars with line numbers.

The readers for text format, YAML and JSON return nodes, and `schema` converts them to messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["BlockEntry", "Many", "MessageNode", "Scalar", "SyntaxNode"]

#: Notation of a scalar. JSON and YAML accept more notations for a value than the text format, such as numbers in quotes.
ScalarKind = Literal["string", "word", "number", "null"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value.

    Attributes
    ----------
    kind
        `string` for text in quotes, `word` for an identifier without quotes (`true`, or a name of an enum), `number` or `null`.
    data
        Contents of a string as bytes, or the text of any other value.
    line
        Line number, counted from 1.
    """

    kind: ScalarKind
    data: bytes
    line: int

    @property
    def text(self) -> str:
        """The value as text."""
        return self.data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values for one field."""

    items: tuple[SyntaxNode, ...]
    line: int


@dataclass(slots=True)
class MessageNode:
    """A message, which contains named entries in the order of the file. Names can repeat."""

    line: int
    entries: list[BlockEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """An entry `name: value` of a message."""

    name: str
    value: SyntaxNode
    line: int


SyntaxNode = Scalar | Many | MessageNode
