"""`wasmnb test`: run declarative test suites."""

from __future__ import annotations

from argparse import Namespace

from wasmnb.testing.declarative_tests.flags import run_suites

__all__ = ["test"]


def test(options: Namespace) -> int:
    """Run `wasmnb test`. Returns 1 if a test failed, otherwise 0."""
    return run_suites(options)
