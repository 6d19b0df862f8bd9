"""What a test file says, whichever syntax it is written in: blocks of named entries, lists and scalars, each with its line.

The readers (text format, YAML, JSON) make these, and `schema` gives them their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Block", "BlockEntry", "Many", "Node", "Scalar"]

#: How a scalar was written. JSON and YAML know more than the text format: a number may stand in quotes, say.
Kind = Literal["string", "word", "number", "null"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value.

    Attributes
    ----------
    kind
        `string` was quoted, `word` is a bare identifier (true, an enum's name), `number` a number.
    data
        The bytes of a string; the text of anything else.
    """

    kind: Kind
    data: bytes
    line: int

    @property
    def text(self) -> str:
        """As text, for words, numbers and messages."""
        return self.data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values for one field."""

    items: tuple[Node, ...]
    line: int


@dataclass(slots=True)
class Block:
    """A message: named entries in the order of the file, names possibly more than once."""

    line: int
    entries: list[BlockEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """One `name: value`."""

    name: str
    value: Node
    line: int


Node = Scalar | Many | Block
