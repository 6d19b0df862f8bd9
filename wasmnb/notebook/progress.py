"""Progress of a build: a bar in a notebook, one line on a terminal.

Builds that find everything in the cache show nothing. At the end one line with the duration remains.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from typing import Any, Self, TextIO

__all__ = ["Progress", "TerminalProgress", "WidgetProgress", "current_progress", "progress_for"]

#: Largest and smallest width of a bar in characters.
_WIDTH, _MIN_WIDTH = 30, 5

#: The last line if only a release module was built, because the runtime was in the cache.
_RELEASE = "Release module built in {:.1f} s."

#: In a file, steps that differ only in numbers are one line.
_NUMBERS = re.compile(r"\d[\d,.]*")


class Progress:
    """A callable (step, fraction) for a build, and the context manager around it. This class shows nothing.

    Attributes
    ----------
    patience
        Seconds before anything is shown.
    verdict
        The last line after success, in which `{}` stands for the duration in seconds.
    """

    patience = 0.0
    verdict = "Runtime built in {:.1f} s; later filters use it from the cache."

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.used = False
        self.steps: set[str] = set()

    def __call__(self, step: str, fraction: float) -> None:
        """Show the beginning of a step; `fraction` from 0 to 1 is done."""
        if not self.used and time.monotonic() - self.started < self.patience:
            return
        self.used = True
        self.steps.add(step)
        self.show(step, min(max(fraction, 0.0), 1.0))

    def show(self, step: str, fraction: float) -> None:
        """Draw a step."""

    def finish(self, verdict: str) -> None:
        """Draw the end, with a verdict or empty after an error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.used:
            took = time.monotonic() - self.started
            self.finish(self._verdict().format(took) if kind is None else "")

    def _verdict(self) -> str:
        """Return the last line. If all steps are those of a release module, the runtime was in the cache."""
        from wasmnb.compiler.release.release_filter import STEPS

        only_release = self.steps <= {text for text, _, _ in STEPS.values()}
        return _RELEASE if only_release and self.verdict == Progress.verdict else self.verdict


class TerminalProgress(Progress):
    """One line that is redrawn if the stream is a terminal; otherwise one line for each step.

    Parameters
    ----------
    stream
        Where to write (default stderr).
    """

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

    def line(self, step: str, fraction: float, columns: int) -> str:
        """Return bar and text, cut to the width of the terminal, since a longer line could not be redrawn."""
        text = f"{fraction:4.0%}  {time.monotonic() - self.started:4.1f} s  {step}"
        width = min(_WIDTH, columns - len(text) - 1)
        if width < _MIN_WIDTH:
            return text[:columns]
        done = int(width * fraction)
        return f"{'█' * done}{'░' * (width - done)} {text}"

    def finish(self, verdict: str) -> None:
        """Replace the bar by the verdict."""
        self.stream.write(("\r\x1b[2K" if self.live else "") + (f"{verdict}\n" if verdict else ""))
        self.stream.flush()


class WidgetProgress(Progress):
    """An ipywidgets bar; at the end a line of text replaces it, so that a saved notebook has no stale bar."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Any = None
        self.handle: Any = None

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar, which is created for the first step."""
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
        """Replace the bar by the verdict."""
        self.bar.close()
        self.handle.update({"text/plain": verdict}, raw=True)


def progress_for(shell: Any = None, style: str = "auto") -> Progress:
    """Return the progress display for a shell.

    Parameters
    ----------
    shell
        The IPython shell. None (the default): the command line.
    style
        `auto` (a widget in a notebook, a line on a terminal; the default), `widget`, `text` or `off`.
    """
    if style == "off":
        return Progress()
    if style == "widget" or (style == "auto" and getattr(shell, "kernel", None) is not None):
        return WidgetProgress()
    return TerminalProgress()


def current_progress(*, patience: float = Progress.patience, verdict: str = Progress.verdict) -> Progress:
    """Return the display that fits the running IPython shell; outside IPython, one that shows nothing.

    Parameters
    ----------
    patience
        Seconds before anything is shown (default 0).
    verdict
        The last line, in which `{}` stands for the duration in seconds. By default, the one for a built runtime.
    """
    if "IPython" not in sys.modules:
        return Progress()
    from IPython import get_ipython

    shell = get_ipython()
    progress = Progress() if shell is None else progress_for(shell)
    progress.patience, progress.verdict = patience, verdict
    return progress
