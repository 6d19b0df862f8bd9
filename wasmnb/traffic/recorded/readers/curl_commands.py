"""Read files with curl commands, as browsers copy them for bash, cmd and PowerShell.

Commands that read a file (`-d @file`) are skipped, because the file isn't part of the recording, and because a recording must
not determine which files are read.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Generator, Iterator
from typing import IO, Any, NoReturn

from ....errors import UsageError
from ....messages import Headers, Request
from ...curl import FLAGS, from_options
from ..exchange import ReadingNotes, RecordedExchange, Unreadable
from .fields import Remark, parse_url
from .powershell import PowershellSession
from .shells import BashLine, PowershellLine, WindowsLine, Word, line_of, unquoted, without_quotes

__all__ = ["read_curl"]

#: Flags with a value that have no effect on the request.
_IGNORED = (
    "-o",
    "--output",
    "--connect-timeout",
    "-w",
    "--write-out",
    "--retry",
    "--cacert",
    "--cert",
    "--key",
    "-x",
    "--proxy",
    "--resolve",
    "--connect-to",
    "--interface",
    "--limit-rate",
    "--max-redirs",
    "--tls-max",
    "--ciphers",
    "-c",
    "--cookie-jar",
    "-D",
    "--dump-header",
    "--retry-delay",
    "--retry-max-time",
    "--speed-limit",
    "--speed-time",
    "--keepalive-time",
    "--cert-type",
    "--key-type",
    "--pass",
    "--noproxy",
    "-U",
    "--proxy-user",
    "--stderr",
    "--trace",
    "--trace-ascii",
    "-E",
    "--max-filesize",
    "--unix-socket",
    "--abstract-unix-socket",
    "-y",
    "-Y",
    "--parallel-max",
    "--dns-servers",
    "--trace-config",
    "-K",
    "--config",
)

#: Flags without a value that have no effect on the request.
_SWITCHES = (
    "-f", "--fail", "--fail-with-body", "-n", "--netrc", "-N", "--no-buffer", "-4", "--ipv4", "-6", "--ipv6", "-g", "--globoff",
    "--http1.0", "--http3", "--http2-prior-knowledge", "--tlsv1.2", "--tlsv1.3", "-#", "--progress-bar", "--path-as-is",
    "--no-keepalive", "--tcp-nodelay", "-O", "--remote-name", "-J", "--remote-header-name", "--anyauth", "--digest", "--basic",
    "-Z", "--parallel", "--tcp-fastopen", "--create-dirs", "--remote-time", "-R", "--styled-output", "--no-progress-meter",
    "-a", "--append", "-q", "--disable", "--ssl-no-revoke", "--location-trusted", "--post301", "--post302", "--post303",
)  # fmt: skip

#: Flag with a value -> the header that curl sends for it.
_HEADERS = {"range": "range: bytes={}", "oauth2_bearer": "authorization: Bearer {}"}

#: Words that may precede a command: variables, `sudo`, and keywords of the shell.
_PREFIX = re.compile(r"[A-Za-z_]\w*=.*|sudo|time|env|exec|command|do|then|else|!", re.DOTALL)
_OPERATORS = (";", "&", "&&", "|", "||")
#: A redirection, with its file in the same word or in the next one.
_REDIRECTION = re.compile(r"(\d|&)?(>>?|<)(&\d|.+)?")

#: Maximum number of times that reading continues after an unclosed quote. Each time, the rest of the file is read again.
_REPEATS = 20

_BEGINS = re.compile(rb"(?i)(\$ )?(\S*/)?curl(\.exe)?\s")
_COMMENT = re.compile(r"(?i)\s*(#|::|rem\s)")

#: Data flag -> pattern of values that refer to a file.
_FILES = {
    "data": re.compile("@"),
    "data-binary": re.compile("@"),
    "data-urlencode": re.compile("[^=@]*@"),
    "json": re.compile("@"),
    "form": re.compile("[^=]*=[@<]"),
}


class _CurlParser(argparse.ArgumentParser):
    """Argument parser that raises Unreadable for invalid arguments, where argparse would exit."""

    def error(self, message: str) -> NoReturn:
        raise Unreadable(f"The arguments of the command are invalid: {message}.")


def read_curl(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Yield the requests of a file with curl commands."""
    parser = _CurlParser(prog="curl", usage="curl", add_help=False)
    for names, options in FLAGS:
        parser.add_argument(*names, **options)
    parser.add_argument(*_IGNORED, dest="ignored_value", action="append")
    parser.add_argument(*_SWITCHES, dest="ignored_switch", action="store_true")
    parser.add_argument("--range", "-r")
    parser.add_argument("--oauth2-bearer")
    parser.add_argument("--url", dest="url_flag", action="append", default=[])
    parser.add_argument("url", nargs="*")
    session = PowershellSession()
    for line, command_line in _commands(file, notes):
        words = command_line.words
        try:
            if isinstance(command_line, PowershellLine):
                if not _is_curl(unquoted(words[0])):
                    request = session.read(command_line.text)
                    if request is not None:
                        yield RecordedExchange(request, position=f"line {line:,}")
                    continue
                words = [without_quotes(word) for word in words]
        except (Unreadable, UsageError) as error:
            notes.add(f"line {line:,}", str(error))
            continue
        for command in _split(words):
            yield from _exchanges(parser, command, f"line {line:,}", notes)


def _exchanges(
    parser: argparse.ArgumentParser, words: list[Word], position: str, notes: ReadingNotes
) -> Iterator[RecordedExchange]:
    """Yield the requests of a command, which can contain several URLs."""
    while len(words) > 1 and _PREFIX.fullmatch(words[0]):
        words = words[1:]
    if not _is_curl(words[0]):
        notes.add(position, f"The command {words[0][:40]!r} was skipped, because it isn't curl.")
        return
    for arguments in _divided(words[1:], "--next", "-:"):
        try:
            options = parser.parse_intermixed_args(list(map(str, _without_redirections(arguments))))
            _check(options, notes.remark_at(position))
            urls = [*options.url, *options.url_flag]
            if not urls:
                raise Unreadable("The command has no URL.")  # noqa: TRY301 -- one place for the message
        except (Unreadable, UsageError) as error:
            notes.add(position, str(error))
            continue
        for url in urls:
            try:
                yield RecordedExchange(_request(options, url), position=position)
            except (Unreadable, UsageError) as error:
                notes.add(position, str(error))


def _divided(words: list[Word], *separators: str) -> Iterator[list[Word]]:
    part: list[Word] = []
    for word in words:
        if word in separators:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _without_redirections(words: list[Word]) -> list[Word]:
    kept: list[Word] = []
    follows = False
    for word in words:
        match = _REDIRECTION.fullmatch(word) if word.plain_start else None
        if match is not None:
            follows = not match[3]
        elif not follows:
            kept.append(word)
        else:
            follows = False
    return kept


def _check(options: argparse.Namespace, remark: Remark) -> None:
    """Raise `Unreadable` for commands that read files, and remove headers that curl doesn't send."""
    if _reads_file(options):
        raise Unreadable("The command was skipped, because it reads a file, which isn't part of the recording.")
    headers = []
    for header in options.header or ():
        name = re.split("[:;]", header)[0]
        if header.startswith("@") or not name.strip() or name == header:
            remark(f"The header {header[:40]!r} is not of the form NAME: VALUE and was omitted.")
        else:
            headers.append(header)
    if options.cookie and "=" not in options.cookie:
        remark("Cookies from a file were omitted, because the file isn't part of the recording.")
        options.cookie = None
    for flag, header in _HEADERS.items():
        value = getattr(options, flag)
        if value:
            headers.append(header.format(value))
    options.header = headers


def _commands(file: IO[bytes], notes: ReadingNotes) -> Iterator[tuple[int, BashLine | WindowsLine]]:
    """Yield the line number and the words of each command. After a command with an unclosed quote, the next one is read."""
    number = 0
    for _ in range(_REPEATS):
        opened = yield from _complete_commands(file, number, notes)
        following = None if opened is None else _next_command(file, *opened)
        if following is None:
            return
        number = following
    notes.add(f"line {number:,}", "Further commands were not read, because too many commands have unclosed quotes.")


def _next_command(file: IO[bytes], lines: int, position: int) -> int | None:
    """Move the file to the next line after `position` that begins with curl. Returns the number of lines before it, or None."""
    file.seek(position)
    for number, line in enumerate(iter(file.readline, b""), lines):
        if _BEGINS.match(line):
            file.seek(-len(line), io.SEEK_CUR)
            return number
    return None


def _complete_commands(
    file: IO[bytes], lines: int, notes: ReadingNotes
) -> Generator[tuple[int, BashLine | WindowsLine], None, tuple[int, int] | None]:
    """Yield the complete commands of the rest of the file, and their line numbers.

    If a command has an unclosed quote, the generator returns its line number and the position after its first line.

    Parameters
    ----------
    file
        The open file.
    lines
        Number of lines before the current position.
    notes
        Object to which messages are added.
    """
    first = behind = 0
    pending: BashLine | WindowsLine | None = None
    for number, line in enumerate(file, lines + 1):
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if pending is None:
            if not text.strip() or _COMMENT.match(text):
                continue
            first, behind, pending = number, file.tell(), line_of(text)
            text = text.removeprefix("$ ")
        try:
            if not pending.feed(text):
                continue
            if pending.words:
                yield first, pending
        except ValueError as error:
            notes.add(f"line {first:,}", f"The command is incomplete: {error}.")
        pending = None
    if pending is None:
        return None
    notes.add(f"line {first:,}", "The command is incomplete: one of its quotes isn't closed.")
    return first, behind


def _is_curl(name: str) -> bool:
    return re.split(r"[/\\]", name)[-1].lower().removesuffix(".exe") == "curl"


def _split(words: list[Word]) -> Iterator[list[Word]]:
    """Yield the commands of a line, which are separated by `;`, `&`, `&&` or `||`. Commands after a pipe `|` are omitted."""
    command: list[Word] = []
    piped = False
    for word in words:
        operator = word if word in _OPERATORS and word.plain_end else ""
        if not operator and word.endswith(";") and word.plain_end and command[-1:] not in (["-H"], ["--header"]):
            command.append(Word(word[:-1], plain_start=word.plain_start, plain_end=True))
            operator = ";"
        if not operator:
            command.append(word)
            continue
        if command and not piped:
            yield command
        command, piped = [], operator == "|"
    if command and not piped:
        yield command


def _reads_file(options: argparse.Namespace) -> bool:
    values = [(item.kind, item.text) for item in options.data_items or ()]
    values += [(kind, text) for kind in ("json", "form") for text in getattr(options, kind) or ()]
    return any(kind in _FILES and _FILES[kind].match(text) for kind, text in values)


def _request(options: argparse.Namespace, url: str) -> Request:
    curl = from_options(options, url)
    if "$" in curl.authority:
        raise Unreadable(f"The host {curl.authority[:40]!r} is a shell variable, whose value is unknown.")
    target = parse_url(url if "://" in url or url.startswith("/") else f"http://{url}")
    return Request(
        curl.method,
        curl.path,
        Headers(curl.headers),
        curl.body,
        authority=curl.authority or "example.com",
        scheme=target.scheme,
    )
