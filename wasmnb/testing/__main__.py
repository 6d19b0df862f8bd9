"""The command `python -m wasmnb.testing TESTS [MODULE]`, which runs declarative tests in the same way as `wasmnb test`."""

from __future__ import annotations

import argparse
import sys

from ..errors import WasmnbError
from .declarative_tests.flags import SUITE_FLAGS, run_suites


def main(arguments: list[str] | None = None) -> int:
    """Run the tests and print the results. Returns 0 if all passed, 1 if a test failed, and 2 if the files can't be run."""
    parser = argparse.ArgumentParser(
        prog="python -m wasmnb.testing", description="Run declarative test suites of other projects."
    )
    for names, options in SUITE_FLAGS:
        parser.add_argument(*names, **options)
    try:
        return run_suites(parser.parse_args(arguments))
    except (WasmnbError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
