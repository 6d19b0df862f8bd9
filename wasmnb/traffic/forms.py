"""Multipart forms: the values of curl's flag -F, and the body of a form.

The rules are those of curl 8, whose output the tests record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from wasmnb.abi.text import encode_text
from wasmnb.errors import UsageError
from wasmnb.parsing.header_block import encode_header_block

__all__ = ["FormField", "encode_form", "read_form_field"]

#: The three characters that curl and browsers escape in names. A backslash and other bytes are sent unchanged.
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})

#: A quoted or plain word, up to the next semicolon. In a quoted word, a backslash escapes a quote or a backslash.
_WORD = re.compile(r'\s*(?:"((?:\\["\\]|[^"])*)"[^;]*|([^;]*))', re.DOTALL)
_QUOTED = re.compile(r'"(?:\\["\\]|[^"])*"', re.DOTALL)
_CONTENT_TYPE = re.compile(r"\s*[^/ ]+/[^;, \n]+")

_OPTION = re.compile(r"\s*(type|filename|headers|encoder)=", re.IGNORECASE)

#: Suffix of a file's name -> content type, as in curl.
_CONTENT_TYPES = {
    ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain",
    ".htm": "text/html", ".html": "text/html", ".pdf": "application/pdf", ".xml": "application/xml",
}  # fmt: skip


class FormField(NamedTuple):
    """A field of a multipart form.

    Attributes
    ----------
    name
        Name of the field, or '' to send none.
    data
        Contents of the field.
    file
        Name of the uploaded file, or '' if the field isn't a file (default '').
    content_type
        Content type of the field, or '' to send none (default '').
    """

    name: str
    data: bytes
    file: str = ""
    content_type: str = ""


class _Value(NamedTuple):
    """The part of a field that follows `NAME=`: its first word, and its options `type=` and `filename=`."""

    content: str
    content_type: str
    file: str


def encode_form(fields: Iterable[FormField], boundary: str) -> bytes:
    """Return the body of a multipart form (RFC 7578).

    Parameters
    ----------
    fields
        Fields of the form, in order.
    boundary
        Boundary between the fields, which the request's content type must contain as well.
    """
    body = bytearray()
    for part in fields:
        parameters = (("name", part.name), ("filename", part.file))
        texts = [f'{key}="{text.translate(_ESCAPES)}"' for key, text in parameters if text]
        headers = [(b"content-disposition", encode_text("; ".join(["form-data", *texts])))]
        if part.content_type:
            headers.append((b"content-type", encode_text(part.content_type)))
        body += encode_header_block(encode_text(f"--{boundary}"), headers) + part.data + b"\r\n"
    return bytes(body + encode_text(f"--{boundary}--\r\n"))


def read_form_field(text: str, read: Callable[[str], bytes]) -> FormField:
    """Return the field of a form for a value of curl's flag -F.

    Parameters
    ----------
    text
        `NAME=VALUE`, `NAME=@FILE` to upload a file, or `NAME=<FILE` to send a file's contents as a value. `;type=TYPE` and
        `;filename=NAME` may follow. Values with semicolons are written in double quotes.
    read
        Function that returns the contents of a file.

    Raises
    ------
    UsageError
        The value has no `=`, has an invalid or unsupported option, or names several files or nested parts.
    """
    name, sign, rest = text.partition("=")
    if not sign:
        raise UsageError(f"-F {text!r} is not of the form NAME=VALUE. To upload a file, use NAME=@FILE.")
    if rest.startswith("(") or (not name and rest.startswith(")")):
        raise UsageError(
            f"-F {text!r} begins a nested part, which isn't supported. To send a parenthesis, quote the value."
        )
    source = rest[:1] if rest[:1] in ("@", "<") else ""
    value = _read_value(text, rest[len(source) :])
    if source == "<":
        return FormField(name, read(value.content), content_type=value.content_type)
    if source == "":
        return FormField(name, encode_text(value.content), value.file, value.content_type or _type_of(value.file))
    if "," in _QUOTED.sub("", rest):
        raise UsageError(
            f"-F {text!r} names several files, which isn't supported. Repeat -F, or quote a name with a comma."
        )
    kind = value.content_type or _type_of(value.file) or _type_of(value.content) or "application/octet-stream"
    return FormField(name, read(value.content), value.file or Path(value.content).name, kind)


def _type_of(file: str) -> str:
    """Return the content type that curl derives from a file's name, or '' if there is none."""
    return _CONTENT_TYPES.get(Path(file).suffix.lower(), "")


def _read_value(field: str, text: str) -> _Value:
    content, end = _word(text, 0)
    kind = file = ""
    after_type = False  # further words belong to the type that precedes them: text/plain; charset=utf-8
    while end < len(text):
        start = end + 1
        option = _OPTION.match(text, start)
        name = option[1].lower() if option else ""
        if option and name == "filename":
            file, end = _word(text, option.end())
            after_type = False
        elif option and name in ("headers", "encoder"):
            raise UsageError(
                f"{name}= in -F {field!r} isn't supported. Remove it, or send the body with --data-binary."
            )
        elif option and name == "type" and not after_type:
            if not _CONTENT_TYPE.match(text, option.end()):
                raise UsageError(f"The content type in -F {field!r} is not of the form TYPE/SUBTYPE.")
            end = _end(text, start)
            kind, after_type = text[option.end() : end].strip(), True
        else:
            end = _end(text, start)
            kind += f";{text[start:end]}".rstrip() if after_type else ""
    return _Value(content, kind, file)


def _end(text: str, start: int) -> int:
    """Return the index of the next semicolon, or the length of the text."""
    end = text.find(";", start)
    return len(text) if end < 0 else end


def _word(text: str, start: int) -> tuple[str, int]:
    """Read a quoted or plain word. Return it and the index of its end."""
    match = _WORD.match(text, start)
    assert match is not None
    quoted, plain = match.groups()
    return (plain.rstrip() if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)), match.end()
