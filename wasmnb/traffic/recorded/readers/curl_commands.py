"""curl commands, as browsers copy them: one or many, with continued lines and bash's `$'...'`.

A command that reads a file (`-d @file`) is left out: the file isn't part of the recording, and a recording must not decide
which files are read.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from ....errors import UsageError
from ....messages import Headers, Request
from ...curl import FLAGS, from_options
from ..exchange import ReadingNotes, RecordedExchange, Unreadable
from .fields import parse_url

__all__ = ["read_curl"]

#: Flags with a value that have no effect on the request.
_IGNORED = (
    "-o", "--output", "-m", "--max-time", "--connect-timeout", "-w", "--write-out", "--retry", "--cacert", "--cert", "--key",
    "-x", "--proxy", "--resolve",
)  # fmt: skip

_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}

#: Kind of a value -> whether it names a file.
_FILES = {
    "data": re.compile("@"),
    "data-binary": re.compile("@"),
    "data-urlencode": re.compile("[^=@]*@"),
    "json": re.compile("@"),
    "form": re.compile("[^=]*=[@<]"),
}


class _Parser(argparse.ArgumentParser):
    """Raise Unreadable where argparse would exit."""

    def error(self, message: str) -> NoReturn:
        raise Unreadable(f"The command can't be read: {message}.")


def read_curl(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Iterate over the requests of a file with curl commands."""
    parser = _Parser(prog="curl", add_help=False)
    for names, options in FLAGS:
        parser.add_argument(*names, **options)
    parser.add_argument(*_IGNORED, dest="ignored_value", action="append")
    parser.add_argument("--url", dest="url_flag")
    parser.add_argument("url", nargs="?")
    for line, words in _commands(file, notes):
        try:
            yield RecordedExchange(_request(parser, words), position=f"line {line:,}")
        except (Unreadable, UsageError) as error:
            notes.add(f"line {line:,}", str(error))


def _commands(file: IO[bytes], notes: ReadingNotes) -> Iterator[tuple[int, list[str]]]:
    """Iterate over line numbers and words of the commands."""
    pending, first = "", 0
    for number, line in enumerate(file, 1):
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not pending and (not text.strip() or text.lstrip().startswith("#")):
            continue
        first = first if pending else number
        pending += text
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        words = _words(pending)
        if words is None:
            pending += "\n"
            continue
        yield from ((first, command) for command in _split(words))
        pending = ""
    if pending.strip():
        words = _words(pending)
        if words is None:
            notes.add(f"line {first:,}", "The command is cut short: its quotes don't end.")
        else:
            yield from ((first, command) for command in _split(words))


def _words(text: str) -> list[str] | None:
    """Return the words of a command line, or None if its quotes don't end yet."""
    try:
        return shlex.split(_ANSI.sub(lambda match: shlex.quote(_ESCAPE.sub(_unescape, match[1])), text))
    except ValueError:
        return None


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "uUx" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    return _LETTERS.get(code, code)


def _split(words: list[str]) -> Iterator[list[str]]:
    """Iterate over commands that `;`, `&`, `&&` or `|` separate."""
    command: list[str] = []
    for word in words:
        ends = word.endswith(";") and command[-1:] != ["-H"]
        if word in (";", "&", "&&", "|", "||"):
            yield from ([command] if command else [])
            command = []
        elif ends and word != ";" and command[-1:] != ["--header"]:
            yield [*command, word[:-1]]
            command = []
        else:
            command.append(word)
    if command:
        yield command


def _reads_file(options: argparse.Namespace) -> bool:
    values = [(item.kind, item.text) for item in options.data_items or ()]
    values += [(kind, text) for kind in ("json", "form") for text in getattr(options, kind) or ()]
    return any(kind in _FILES and _FILES[kind].match(text) for kind, text in values)


def _request(parser: argparse.ArgumentParser, words: list[str]) -> Request:
    name, *arguments = words
    if name.rpartition("/")[2].removesuffix(".exe") != "curl":
        raise Unreadable(f"The command is {name[:40]!r}, not curl.")
    options = parser.parse_args(arguments)
    url = options.url or options.url_flag
    if not url:
        raise Unreadable("The command has no URL.")
    if _reads_file(options):
        raise Unreadable("The command reads a file, which isn't part of the recording.")
    curl = from_options(options, url)
    target = parse_url(url if "://" in url or url.startswith("/") else f"http://{url}")
    return Request(
        curl.method,
        curl.path,
        Headers(curl.headers),
        curl.body,
        authority=curl.authority or "example.com",
        scheme=target.scheme,
    )
