"""Parser of protobuf's text format (https://protobuf.dev/reference/protobuf/textformat-spec/).

The format has `name: value` for scalars, `name { ... }` or `name < ... >` for messages, `name: [a, b]` for lists, optional `,`
or `;` between fields, and `#` comments. Strings are in single or double quotes, with the escapes of C, and adjacent strings are
joined. Extensions and `Any` in brackets are parsed as names, which the schemas then refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import FixtureError, SourceLocation
from .nodes import BlockEntry, Many, MessageNode, Scalar, SyntaxNode

__all__ = ["read_textproto"]

#: Maximum depth of nested messages.
DEPTH = 100

_TOKEN = re.compile(
    rb"""(?P<space>[\s\0]+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.]))
    |(?P<word>[A-Za-z_]\w*)
    |(?P<sign>[{}<>\[\]:,;/.-])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE = dict(zip(b"abfnrtv?\\'\"", b"\a\b\f\n\r\t\v?\\'\"", strict=True))
_CLOSING = {"{": "}", "<": ">"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    data: bytes
    line: int

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    def __str__(self) -> str:
        return "the end of the file" if self.kind == "end" else repr(self.text)


def read_textproto(data: bytes, file: str) -> MessageNode:
    """Parse a file in text format.

    Parameters
    ----------
    data
        Content of the file.
    file
        Name of the file for error messages.

    Returns
    -------
    MessageNode
        The message.

    Raises
    ------
    FixtureError
        The text is malformed. The message contains the line and the field.
    """
    parser = _TextProtoParser(list(_tokens(data.removeprefix(b"\xef\xbb\xbf"), file)), file)
    return parser.block(_Token("start", b"", 1), SourceLocation(file), 0)


def _tokens(data: bytes, file: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(data):
        match = _TOKEN.match(data, at)
        if match is None:
            raise FixtureError(_unreadable(data[at : at + 20]), SourceLocation(file, line))
        kind = match.lastgroup or ""
        if kind != "space":
            yield _Token(kind, match.group(), line)
        line += match.group().count(b"\n")
        at = match.end()
    yield _Token("end", b"", line)


def _unreadable(rest: bytes) -> str:
    if rest[:1] in (b'"', b"'"):
        return "this string doesn't end on its line. Write \\n for a newline, or close it and continue in a new string."
    return f"unexpected character {rest.decode('utf-8', 'replace')[:1]!r}. Remove it, or write it inside quotes."


class _TextProtoParser:
    def __init__(self, tokens: list[_Token], file: str) -> None:
        self.tokens = tokens
        self.at = 0
        self.file = file

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, *signs: str) -> bool:
        """Consume the next token if it is one of these signs. Returns whether it was consumed."""
        if self.next.kind == "sign" and self.next.text in signs:
            self.take()
            return True
        return False

    def block(self, opening: _Token, place: SourceLocation, depth: int) -> MessageNode:
        """Parse entries up to the bracket that closes `opening`, or up to the end of the file."""
        if depth > DEPTH:
            raise FixtureError(f"messages are nested more than {DEPTH} levels deep.", place.at(opening.line))
        block, closing = MessageNode(opening.line), _CLOSING.get(opening.text)
        while not (self.next.kind == "sign" and self.next.text == closing):
            if self.next.kind == "end":
                if closing is None:
                    return block
                raise FixtureError(
                    f"the {opening.text!r} of line {opening.line} is never closed. Add the closing bracket.",
                    place.at(self.next.line),
                )
            block.entries += self.entry(place, depth)
            self.accept(",", ";")
        self.take()
        return block

    def entry(self, place: SourceLocation, depth: int) -> list[BlockEntry]:
        token = self.next
        name = self.name(place)
        inside = place.into(name, token.line)
        colon = self.accept(":")
        value = self.value(inside, depth, scalar=colon)
        return (
            [BlockEntry(name, v, v.line) for v in value.items]
            if isinstance(value, Many)
            else [BlockEntry(name, value, token.line)]
        )

    def name(self, place: SourceLocation) -> str:
        token = self.take()
        if token.kind == "word":
            return token.text
        if token.text != "[":
            raise FixtureError(f"expected the name of a field, found {token}.", place.at(token.line))
        parts = []
        while not self.accept("]"):
            part = self.take()
            if part.kind == "end":
                raise FixtureError("the '[' of an extension's name is never closed.", place.at(token.line))
            parts.append(part.text)
        return f"[{''.join(parts)}]"

    def value(self, place: SourceLocation, depth: int, *, scalar: bool) -> SyntaxNode:
        token = self.next
        if token.kind == "sign" and token.text in _CLOSING:
            return self.block(self.take(), place, depth + 1)
        if token.kind == "sign" and token.text == "[":
            return self.many(place, depth)
        if not scalar:
            raise FixtureError(
                f"expected ':' or a message in {{}} after the field's name, found {token}.", place.at(token.line)
            )
        return self.scalar(place)

    def many(self, place: SourceLocation, depth: int) -> Many:
        opening = self.take()
        items: list[SyntaxNode] = []
        while not self.accept("]"):
            if items and not self.accept(","):
                raise FixtureError(f"expected ',' or ']' in the list, found {self.next}.", place.at(self.next.line))
            items.append(self.value(place, depth, scalar=True))
        return Many(tuple(items), opening.line)

    def scalar(self, place: SourceLocation) -> Scalar:
        token = self.take()
        if token.kind == "string":
            parts = [_unescape(token, place)]
            while self.next.kind == "string":
                parts.append(_unescape(self.take(), place))
            return Scalar("string", b"".join(parts), token.line)
        if token.text == "-" and self.next.kind in ("number", "word"):
            rest = self.take()
            return Scalar("number", b"-" + rest.data, token.line)
        if token.kind == "number":
            return Scalar("number", token.data, token.line)
        if token.kind == "word":
            return Scalar("word", token.data, token.line)
        raise FixtureError(f"expected a value, found {token}.", place.at(token.line))


def _unescape(token: _Token, place: SourceLocation) -> bytes:
    def replace(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, short, long, simple = match.groups()
        if octal:
            return bytes([int(octal, 8) & 0xFF])
        if hexadecimal:
            return bytes([int(hexadecimal, 16)])
        if short or long:
            point = int(short or long, 16)
            if point > 0x10FFFF or 0xD800 <= point < 0xE000:
                raise FixtureError(f"the escape for U+{point:04X} is not a valid character.", place.at(token.line))
            return chr(point).encode()
        if simple[0] not in _SIMPLE:
            text = simple.decode("latin-1")
            raise FixtureError(
                f"unknown escape \\{text}. Write \\\\{text} for the two characters.", place.at(token.line)
            )
        return bytes([_SIMPLE[simple[0]]])

    return _ESCAPE.sub(replace, token.data[1:-1])
