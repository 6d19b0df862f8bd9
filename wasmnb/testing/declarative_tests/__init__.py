"""Runner of declarative tests in the formats of other projects, on the simulated proxy.

The command line is `python -m wasmnb.testing`. Tests in Python use `wasmnb.testing` directly.
"""

from .errors import FixtureError
from .results import CaseResult, DeclarativeResult
from .runner import run_declarative

__all__ = ["CaseResult", "DeclarativeResult", "FixtureError", "run_declarative"]
