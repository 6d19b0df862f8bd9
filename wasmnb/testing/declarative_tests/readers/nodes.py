"""Content of a test file independent of its syntax: blocks of named entries, lists and scalars, each with its line.

The readers (text format, YAML, JSON) return nodes, and `schema` converts them to messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Block", "BlockEntry", "Many", "Node", "Scalar"]

#: Notation of a scalar. JSON and YAML allow more than the text format, such as numbers in quotes.
Kind = Literal["string", "word", "number", "null"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value.

    Attributes
    ----------
    kind
        `string` for quoted text, `word` for a bare identifier (`true`, an enum's name), `number` or `null`.
    data
        Bytes of a string, or the text of another value.
    line
        Line from 1.
    """

    kind: Kind
    data: bytes
    line: int

    @property
    def text(self) -> str:
        """The data as text."""
        return self.data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values for one field."""

    items: tuple[Node, ...]
    line: int


@dataclass(slots=True)
class Block:
    """A message: named entries in the order of the file. A name may occur several times."""

    line: int
    entries: list[BlockEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """An entry `name: value`."""

    name: str
    value: Node
    line: int


Node = Scalar | Many | Block
