"""Progress while a runtime is being built: a bar in a notebook, a line that rewrites itself on a terminal.

Nothing is shown for builds that find everything in the cache. When the work is done, one line says how long it took.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from typing import Any, Self, TextIO

__all__ = ["Progress", "TerminalProgress", "WidgetProgress", "current_progress", "progress_for"]

#: Signs of a bar at most, and at least.
_WIDTH, _SHORTEST = 30, 5

#: Steps that differ only in their numbers are one line in a file.
_NUMBERS = re.compile(r"\d[\d,.]*")


class Progress:
    """A callable (step, fraction) to hand to a build, and a context manager around it; this one shows nothing.

    Attributes
    ----------
    patience
        Seconds before anything is shown.
    verdict
        What stays when all went well; `{}` is the time that it took.
    """

    patience = 0.0
    verdict = "Runtime built in {:.1f} s; later filters use it from the cache."

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.used = False

    def __call__(self, step: str, fraction: float) -> None:
        """Called by the build at the beginning of every step; `fraction` is what is done, from 0 to 1."""
        if not self.used and time.monotonic() - self.started < self.patience:
            return
        self.used = True
        self.show(step, min(max(fraction, 0.0), 1.0))

    def show(self, step: str, fraction: float) -> None:
        """Draw the state."""

    def finish(self, verdict: str) -> None:
        """Draw the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.used:
            took = time.monotonic() - self.started
            self.finish(self.verdict.format(took) if kind is None else "")


class TerminalProgress(Progress):
    """A line on a stream; rewritten if the stream is a terminal, else one line a step."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.last = ""

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar."""
        if self.live:
            self.stream.write(f"\r\x1b[2K{self.line(step, fraction, shutil.get_terminal_size().columns - 1)}")
        elif _NUMBERS.sub("", step) != self.last:
            self.stream.write(f"{fraction:4.0%}  {step}\n")
        self.last = _NUMBERS.sub("", step)
        self.stream.flush()

    def line(self, step: str, fraction: float, room: int) -> str:
        """Bar and words in one line: what is wider than the terminal would stay there when the next is drawn."""
        words = f"{fraction:4.0%}  {time.monotonic() - self.started:4.1f} s  {step}"
        width = min(_WIDTH, room - len(words) - 1)
        if width < _SHORTEST:
            return words[:room]
        done = int(width * fraction)
        return f"{'█' * done}{'░' * (width - done)} {words}"

    def finish(self, verdict: str) -> None:
        """Leave one line."""
        self.stream.write(("\r\x1b[2K" if self.live else "") + (f"{verdict}\n" if verdict else ""))
        self.stream.flush()


class WidgetProgress(Progress):
    """An ipywidgets bar; its output becomes a line of text when the work is done, so that nothing stale is saved."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Any = None
        self.handle: Any = None

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar, and make it when it is first needed."""
        if self.bar is None:
            import ipywidgets
            from IPython.display import display

            widgets: Any = ipywidgets
            layout = widgets.Layout(width="100%", max_width="60em")
            self.bar = widgets.FloatProgress(min=0, max=1, layout=layout, style={"description_width": "initial"})
            self.handle = display(self.bar, display_id=True)  # type: ignore[no-untyped-call]
        self.bar.value = fraction
        self.bar.description = f"{step} ({fraction:.0%})"

    def finish(self, verdict: str) -> None:
        """Replace the bar by a line of text."""
        self.bar.close()
        self.handle.update({"text/plain": verdict}, raw=True)


def progress_for(shell: Any = None, style: str = "auto") -> Progress:
    """The display that fits: `auto` is a widget in a notebook and a line on a terminal.

    Parameters
    ----------
    shell
        The IPython shell, or None outside IPython.
    style
        `auto`, `widget`, `text` or `off`.
    """
    if style == "off":
        return Progress()
    if style == "widget" or (style == "auto" and getattr(shell, "kernel", None) is not None):
        return WidgetProgress()
    return TerminalProgress()


def current_progress() -> Progress:
    """Return the display that fits the running IPython shell; outside IPython, one that shows nothing."""
    if "IPython" not in sys.modules:
        return Progress()
    from IPython import get_ipython

    shell = get_ipython()
    return Progress() if shell is None else progress_for(shell)
