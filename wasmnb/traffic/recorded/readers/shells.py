"""Split command lines of bash, cmd and PowerShell into words. The functions support the syntax that browsers write.

Chromium's "Copy as cURL (cmd)" writes a caret before every special character and a backslash before quotes and backslashes. A
line end is written as a caret, a line end and an empty line. Older versions only use double quotes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Self

__all__ = [
    "BashLine",
    "PowershellLine",
    "WindowsLine",
    "Word",
    "bash_words",
    "line_of",
    "split_words",
    "unquoted",
    "without_quotes",
]

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)

#: The next part of a bash command line. An unclosed quote doesn't match.
_BASH = re.compile(
    r"""(?P<joined>\\\n)|(?P<end>\n)|(?P<blank>[ \t\r\v\f]++)|\$'(?P<ansi>(?:[^'\\]++|\\.)*+)'|'(?P<single>[^']*+)'"""
    r"""|"(?P<double>(?:[^"\\]++|\\.)*+)"|\\(?P<escaped>.)|(?P<plain>[^\s'"\\$]++|\$(?!'))""",
    re.DOTALL,
)
#: An opening quote, and for each kind the beginning of a line that closes it.
_OPENING = re.compile(r"\$?'|\"")
_ENDS = {
    "'": re.compile(r"[^']*+'"),
    "$'": re.compile(r"(?:[^'\\]++|\\.)*+'"),
    '"': re.compile(r'(?:[^"\\]++|\\.)*+"'),
}
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_BACKTICKS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}

#: Maximum number of lines of a cmd or PowerShell command with an unclosed quote. Line ends in bodies are escaped there.
_TRIES = 200

_POWERSHELL = re.compile(r"(?i)\s*(\$\w+\s*[.=]|Invoke-(?:WebRequest|RestMethod)\b)")
_STRING = r""""(?:`.|""|[^"`]++)*+"|'(?:''|[^']++)*+'"""
_STRINGS = re.compile(_STRING, re.DOTALL)
_WORD = re.compile(rf"""(?:{_STRING}|`.|[^\s"'`]++)++""", re.DOTALL)
_PART = re.compile(r""""((?:`.|""|[^"`]++)*+)"|'((?:''|[^']++)*+)'|`(.)|([^"'`]++)""", re.DOTALL)
_CMD = re.compile(r"""\\(["\\])|(")|(\s)|([^\s"\\]++|\\)""")
_CARET = re.compile(r"""("[^"]*+"?)|\^(\n\n?|.|\Z)""", re.DOTALL)


class Word(str):
    """A word of a command line, and whether its ends were written without quotes. A quoted operator is ordinary text.

    Parameters
    ----------
    text
        The word without quotes and escapes.
    plain_start, plain_end
        Whether the first and the last part of the word were written without quotes and escapes.
    """

    __slots__ = ("plain_end", "plain_start")

    plain_start: bool
    plain_end: bool

    def __new__(cls, text: str, *, plain_start: bool, plain_end: bool) -> Self:
        """Create the word."""
        word = super().__new__(cls, text)
        word.plain_start, word.plain_end = plain_start, plain_end
        return word

    @classmethod
    def of_parts(cls, parts: Sequence[tuple[str, bool]]) -> Self:
        """Join parts to a word. Each part is a pair: a text, and whether the text was written without quotes and escapes."""
        plain = [plain for _, plain in parts] or [False]
        return cls("".join(text for text, _ in parts), plain_start=plain[0], plain_end=plain[-1])


class BashLine:
    """A bash command that is split into words, line by line. Each line is scanned once, because long bodies are common.

    Attributes
    ----------
    words
        The words so far. When `feed` has returned True, these are all words of the command.
    """

    def __init__(self) -> None:
        self.words: list[Word] = []
        self._word: list[tuple[str, bool]] = []
        self._end: re.Pattern[str] | None = None
        self._held: list[str] = []

    def feed(self, line: str) -> bool:
        """Read the next line, passed without its line end. Returns whether the command is complete."""
        self._held.append(line + "\n")
        if self._end is not None and not self._end.match(line):
            return False
        text, position = "".join(self._held), 0
        self._end = None
        while match := _BASH.match(text, position):
            position = match.end()
            kind = str(match.lastgroup)
            if kind == "end":
                self._end_word()
                return True
            if kind == "blank":
                self._end_word()
            elif kind != "joined":
                self._word.append((_BASH_VALUE[kind](match[kind]), kind == "plain"))
        self._held = [text[position:]]
        opening = _OPENING.match(text, position)
        self._end = _ENDS[opening[0]] if opening else None
        return False

    def _end_word(self) -> None:
        if self._word:
            self.words.append(Word.of_parts(self._word))
            self._word = []


def bash_words(text: str) -> list[str] | None:
    """Split a bash command line into words. Returns None if the command continues on the next line."""
    line = BashLine()
    complete = [line.feed(part) for part in text.split("\n")]
    return list(map(str, line.words)) if complete[-1] else None


def split_words(text: str) -> list[str]:
    """Split a bash command line into words.

    Raises
    ------
    ValueError
        A quote isn't closed, or the last character is a backslash.
    """
    words = bash_words(text)
    return shlex.split(text) if words is None else words  # raises an error that names the missing character


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "uUx" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    return _LETTERS.get(code, code)


def cmd_words(text: str) -> list[Word] | None:
    """Split a cmd command line into words. Returns None if the command continues on the next line."""
    if text.endswith("^"):
        return None
    words: list[Word] = []
    word: list[tuple[str, bool]] = []
    quoted = False
    for match in _CMD.finditer(_CARET.sub(_without_caret, text)):
        escaped, quote, blank, plain = match.groups()
        if blank and not quoted:
            words += [Word.of_parts(word)] if word else []
            word = []
            continue
        quoted ^= quote is not None
        word.append((escaped or blank or plain or "", plain is not None and not quoted))
    if quoted:
        return None
    return [*words, Word.of_parts(word)] if word else words


def _without_caret(match: re.Match[str]) -> str:
    """Replace a match of `_CARET` by its value. In cmd, a caret outside of quotes escapes the next character."""
    quoted, escaped = match.groups()
    return {"\n": " ", "\n\n": "\n"}.get(escaped, escaped) if quoted is None else str(quoted)


def powershell_words(text: str) -> list[Word] | None:
    """Split a PowerShell command into words, which keep their quotes. Returns None if it continues on the next line."""
    if text.endswith("`"):
        return None
    rest = _WORD.sub("", text)
    if '"' in rest or "'" in rest:
        return None  # a string isn't closed
    outside = _STRINGS.sub("", text)
    if sum(outside.count(c) for c in "{(") > sum(outside.count(c) for c in "})"):
        return None
    return [Word(m[0], plain_start=False, plain_end=False) for m in _WORD.finditer(text.replace("`\n", " "))]


def unquoted(word: str) -> str:
    """Return the value of a PowerShell word as a plain string, without quotes and escapes."""
    return str(without_quotes(word))


def without_quotes(word: str) -> Word:
    """Return a PowerShell word without its quotes and escapes."""
    return Word.of_parts([(_unquoted_part(match), match[4] is not None) for match in _PART.finditer(word)])


def _unquoted_part(match: re.Match[str]) -> str:
    double, single, escaped, plain = match.groups()
    if double is not None:
        return re.sub(
            r'`(.)|""', lambda m: '"' if m[1] is None else _BACKTICKS.get(m[1], m[1]), double, flags=re.DOTALL
        )
    if single is not None:
        return str(single).replace("''", "'")
    return str(escaped if escaped is not None else plain)


#: Kind of a part of a bash command line -> function that returns its value.
_BASH_VALUE: dict[str, Callable[[str], str]] = {
    "ansi": lambda text: _ESCAPE.sub(_unescape, text),
    "single": str,
    "double": lambda text: re.sub(r'\\([$`"\\])|\\\n', lambda match: match[1] or "", text),
    "escaped": str,
    "plain": str,
}


class WindowsLine:
    """A cmd or PowerShell command that is split into words, line by line.

    Attributes
    ----------
    words
        The words of the command. Empty until `feed` has returned True.
    """

    def __init__(self, words_of: Callable[[str], list[Word] | None], escape: str) -> None:
        self._words_of = words_of
        self._escape = escape
        self._tries = 0
        self._lines: list[str] = []
        self.words: list[Word] = []

    @property
    def text(self) -> str:
        """The lines of the command that have been read."""
        return "\n".join(self._lines)

    def feed(self, line: str) -> bool:
        """Read the next line, passed without its line end. Returns whether the command is complete.

        Raises
        ------
        ValueError
            One of the quotes isn't closed within 200 lines.
        """
        goes_on = bool(self._lines) and self._lines[-1].endswith(self._escape) and not line
        self._lines.append(line)
        if goes_on or line.endswith(self._escape):
            return False
        self._tries += 1
        if self._tries > _TRIES:
            raise ValueError(f"one of its quotes isn't closed within {_TRIES} lines")
        words = self._words_of(self.text)
        self.words = words or []
        return words is not None


class PowershellLine(WindowsLine):
    """A PowerShell command that is split into words, line by line. The words keep their quotes."""

    def __init__(self) -> None:
        super().__init__(powershell_words, "`")


def line_of(first: str) -> BashLine | WindowsLine:
    """Return an empty reader for the command that begins with this line. The line determines the shell."""
    text = first.rstrip()
    if _POWERSHELL.match(first) or text.endswith("`"):
        return PowershellLine()
    return WindowsLine(cmd_words, "^") if '^"' in text or text.endswith("^") else BashLine()
