"""Format errors like IPython: source lines with an arrow, the message and a hint. wasmnb's own frames are omitted."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Sequence

from wasmnb.errors import FilterTrap, SourceError, WasmnbError
from wasmnb.parsing.tracebacks import Frame, ParsedException, parse_traceback

from ..render.escape import NEWLINES, clip, visible
from .frames import caller_frames, display_name

__all__ = ["error_lines", "traceback_lines"]

_RULE = "-" * 75
_INSIDE = "Traceback (inside the filter)"
_AROUND = 2  # number of source lines before and after the marked line
_LINES, _LONG = 30, 500  # maximum number of lines of an exception's message, and of characters per line
_WHERE = "  where "  # precedes local variables and has the width of line numbers

Paint = Callable[[str, str], str]
_CODES = {"red": "31;1", "green": "32;1", "cyan": "36", "yellow": "33"}


def _ansi(text: str, colour: str) -> str:
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if text else ""


def _plain(text: str, colour: str) -> str:  # noqa: ARG001 -- the same signature as `_ansi`
    return text


def _source(filename: str) -> Sequence[str]:
    """Return the lines of a file, or of a cell that a magic has stored in `linecache`. Empty if they are unknown."""
    return linecache.getlines(filename)


def _excerpt(frame: Frame, paint: Paint) -> Iterator[str]:
    lines = _source(frame.filename)
    if frame.text and frame.text not in "".join(
        lines[frame.lineno - 1 : frame.lineno]
    ):  # the source is unknown or has been changed
        lines = []
        yield f"{paint(f'----> {frame.lineno}', 'green')} {visible(frame.text)}"
    first, last = max(1, frame.lineno - _AROUND), min(len(lines), frame.lineno + _AROUND)
    for number in range(first, last + 1):
        text = visible(lines[number - 1].rstrip("\n"), keep="\t")
        if number == frame.lineno:
            yield f"{paint(f'----> {number}', 'green')} {text}"
        else:
            yield f"{paint(f'{number:>7}', 'green')} {text}"
    for i, variable in enumerate(frame.variables):
        yield (" " * len(_WHERE) if i else _WHERE) + paint(visible(variable), "yellow")
    if frame.repeated:
        yield f"        ... {frame.repeated}"


def _position(frame: Frame, paint: Paint) -> str:
    within = f", in {paint(visible(frame.name), 'cyan')}" if frame.name and frame.name != "<module>" else ""
    return f"{paint(visible(display_name(frame.filename)), 'green')}, line {frame.lineno}{within}"


def _syntax(error: SourceError, paint: Paint) -> Iterator[str]:
    """Yield the source line of a syntax error with a caret below, like IPython."""
    frame = Frame(error.filename, error.lineno or 1)
    yield f"  {_position(frame, paint)}"
    lines = _source(error.filename)
    if error.lineno and error.lineno <= len(lines):
        text = lines[error.lineno - 1].rstrip("\n")
        shown = text.lstrip()
        caret = max((error.offset or 1) - 1 - (len(text) - len(shown)), 0)
        yield f"    {visible(shown, keep=NEWLINES)}"
        yield "    " + paint(" " * caret + "^", "green")


def _traceback(title: str, where: str, frames: list[Frame], paint: Paint) -> Iterator[str]:
    yield paint(_RULE, "red")
    title = visible(title)
    yield f"{paint(title, 'red')}{where:>{max(75 - len(title), len(where) + 2)}}"
    for frame in frames:
        yield _position(frame, paint)
        yield from _excerpt(frame, paint)
        yield ""


def _close(error: WasmnbError, paint: Paint, conclusion: Sequence[str]) -> Iterator[str]:
    """Yield the last lines of an error: class and message, the lines in `conclusion`, the callback, and the hint."""
    message = visible(str(error.args[0]) if error.args else "", keep=NEWLINES)
    yield f"{paint(type(error).__name__, 'red')}: {message}"
    yield from map(visible, conclusion)
    if isinstance(error, FilterTrap) and error.callback:
        yield paint(f"In {visible(error.callback)}, {visible(error.where)}.", "cyan")
    hint = getattr(error, "hint", "")
    if hint:
        yield paint(visible(hint, keep=NEWLINES), "cyan")


def error_lines(error: WasmnbError, *, colour: bool = False, callers: bool = True) -> list[str]:
    """Return the lines that show an error in a notebook or terminal.

    A `SourceError` with a column is formatted like a syntax error. A `SourceError` with only a line, or a `FilterTrap` with a
    traceback, is formatted like a traceback through the filter. For other errors, only class and message are shown.

    Parameters
    ----------
    error
        The error.
    colour
        Whether to use ANSI colours (default False).
    callers
        Whether to begin with the frames of the code that called wasmnb (default True).
    """
    paint = _ansi if colour else _plain
    name = type(error).__name__
    lines: list[str] = []
    conclusion: list[str] = []  # lines of the exception that the message doesn't contain
    outer = caller_frames(error.__traceback__) if callers else []
    if outer:
        lines += _traceback(name, "Traceback (most recent call last)", outer, paint)
    links = parse_traceback(getattr(error, "traceback", ""))
    frames = _frames(links[-1]) if links else []
    for link in links[:-1]:
        lines += [
            *_traceback(link.type, _INSIDE, _frames(link), paint),
            *(visible(line) for line in _conclusion_and_joint(link)),
        ]
    if isinstance(error, SourceError) and error.lineno and (error.offset or not frames):
        lines += _syntax(error, paint) if error.offset else _traceback(name, _INSIDE, [_at(error)], paint)
    elif links:
        lines += _traceback(name, _INSIDE, frames, paint)
        message = str(error.args[0]) if error.args else ""
        shown = f"{message}\n{getattr(error, 'hint', '')}"
        conclusion = [line for line in _conclusion(links[-1]) if line not in shown]
    elif (
        isinstance(error, SourceError) and not lines and not error.filename.startswith("<")
    ):  # the error concerns the whole source
        lines.append(f"  {paint(visible(display_name(error.filename)), 'green')}")
    return lines + list(_close(error, paint, conclusion))


def traceback_lines(traceback: str) -> list[str]:
    """Format a traceback from inside a module, with the source lines around each frame."""
    lines: list[str] = []
    for link in parse_traceback(traceback):
        for frame in _frames(link):
            lines += [_position(frame, _plain), *_excerpt(frame, _plain), ""]
        lines += _conclusion_and_joint(link)
    return lines


def _frames(exception: ParsedException) -> list[Frame]:
    """Return the frames to show with source lines. The text of an exception group contains its frames."""
    return [] if exception.group else exception.frames


def _conclusion_and_joint(link: ParsedException) -> list[str]:
    """Return the message of an exception, and Python's sentence about the exception that follows it."""
    return [*_conclusion(link), *(["", link.joint, ""] if link.joint else [])]


def _conclusion(link: ParsedException) -> list[str]:
    """Return class and message of an exception, or the text of an exception group. Long messages are shortened."""
    lines = (link.group or link.conclusion).split("\n")
    omitted = [f"... ({len(lines) - _LINES:,} more lines)"] if len(lines) > _LINES else []
    return [*(clip(line, _LONG) for line in lines[:_LINES]), *omitted]


def _at(error: SourceError) -> Frame:
    return Frame(error.filename, error.lineno or 1)
