"""Show the progress of a build as a bar in a notebook or as a line on a terminal.

At the end, the bar is replaced by one line with the duration. Nothing is shown if the results of the build are in the cache.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from typing import Any, Self, TextIO

__all__ = ["Progress", "TerminalProgress", "WidgetProgress", "current_progress", "progress_for"]

#: Maximum and minimum width of a bar in characters.
_WIDTH, _MIN_WIDTH = 30, 5

#: The last line if only a release module was built, because the runtime was in the cache.
_RELEASE = "Release module built in {:.1f} s."

#: Numbers in the name of a step. If the output is a file, successive steps that differ only in numbers are written once.
_NUMBERS = re.compile(r"\d[\d,.]*")


class Progress:
    """Progress of a build. Use the object as a context manager, and call it with each step. This base class shows nothing.

    Attributes
    ----------
    patience
        Seconds before the progress is shown.
    verdict
        The last line after success. `{}` is replaced by the duration in seconds.
    """

    patience = 0.0
    verdict = "Runtime built in {:.1f} s; later filters use it from the cache."

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.used = False
        self.steps: set[str] = set()

    def __call__(self, step: str, fraction: float) -> None:
        """Show that a step begins. `fraction` is the part of the build that is done (0 to 1)."""
        if not self.used and time.monotonic() - self.started < self.patience:
            return
        self.used = True
        self.steps.add(step)
        self.show(step, min(max(fraction, 0.0), 1.0))

    def show(self, step: str, fraction: float) -> None:
        """Draw the progress bar for a step."""

    def finish(self, verdict: str) -> None:
        """Replace the progress bar by a last line. After an error, `verdict` is empty."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.used:
            took = time.monotonic() - self.started
            self.finish(self._verdict().format(took) if kind is None else "")

    def _verdict(self) -> str:
        """Return the last line. It is different if the runtime was in the cache, so that only a release module was built."""
        from wasmnb.compiler.release.release_filter import STEPS

        only_release = self.steps <= {text for text, _, _ in STEPS.values()}
        return _RELEASE if only_release and self.verdict == Progress.verdict else self.verdict


class TerminalProgress(Progress):
    """Progress as text: one line that is redrawn on a terminal, or one line per step in a file.

    Parameters
    ----------
    stream
        The stream to write to (default stderr).
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.last = ""

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar on a terminal, or write a line for a new step."""
        if self.live:
            self.stream.write(f"\r\x1b[2K{self.line(step, fraction, shutil.get_terminal_size().columns - 1)}")
        elif _NUMBERS.sub("", step) != self.last:
            self.stream.write(f"{fraction:4.0%}  {step}\n")
        self.last = _NUMBERS.sub("", step)
        self.stream.flush()

    def line(self, step: str, fraction: float, columns: int) -> str:
        """Return the bar and its text, shortened to `columns` characters, because longer lines can't be redrawn."""
        text = f"{fraction:4.0%}  {time.monotonic() - self.started:4.1f} s  {step}"
        width = min(_WIDTH, columns - len(text) - 1)
        if width < _MIN_WIDTH:
            return text[:columns]
        done = int(width * fraction)
        return f"{'█' * done}{'░' * (width - done)} {text}"

    def finish(self, verdict: str) -> None:
        """Replace the bar by the last line."""
        self.stream.write(("\r\x1b[2K" if self.live else "") + (f"{verdict}\n" if verdict else ""))
        self.stream.flush()


class WidgetProgress(Progress):
    """Progress as an ipywidgets bar. At the end, text replaces the bar, so that a saved notebook doesn't contain it."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Any = None
        self.handle: Any = None

    def show(self, step: str, fraction: float) -> None:
        """Update the bar. It is created for the first step."""
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
        """Replace the bar by the last line."""
        self.bar.close()
        self.handle.update({"text/plain": verdict}, raw=True)


def progress_for(shell: Any = None, style: str = "auto") -> Progress:
    """Return the progress display for a shell.

    Parameters
    ----------
    shell
        The IPython shell, or None on the command line (default None).
    style
        `auto` (a widget in a notebook, a line on a terminal; the default), `widget`, `text` or `off`.
    """
    if style == "off":
        return Progress()
    if style == "widget" or (style == "auto" and getattr(shell, "kernel", None) is not None):
        return WidgetProgress()
    return TerminalProgress()


def current_progress(*, patience: float = Progress.patience, verdict: str = Progress.verdict) -> Progress:
    """Return the progress display for the running IPython shell. Outside IPython, it shows nothing.

    Parameters
    ----------
    patience
        Seconds before the progress is shown (default 0).
    verdict
        The last line. `{}` is replaced by the duration in seconds (default: a line about a built runtime).
    """
    if "IPython" not in sys.modules:
        return Progress()
    from IPython import get_ipython

    shell = get_ipython()
    progress = Progress() if shell is None else progress_for(shell)
    progress.patience, progress.verdict = patience, verdict
    return progress
