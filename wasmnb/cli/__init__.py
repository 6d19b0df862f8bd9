"""The same verbs from a shell: build, run, inspect, runtime, doctor.

Exit codes: 0 all went well; 1 the filter or module is at fault; 2 the command line is; 3 the tool chain or the machine;
130 interrupted. An error is one paragraph on stderr, without a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wasmnb.errors import BuildError, UsageError, WasmnbError

from .parser import make_parser

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]

OK, AT_FAULT, USAGE, MACHINE, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code.

    Parameters
    ----------
    arguments
        Words of the command line without the program's name; the process's own if None.
    """
    options = make_parser().parse_args(arguments)
    try:
        return _guarded(options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe left, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _guarded(options: Namespace) -> int:
    try:
        code: int = options.command(options)
    except UsageError as error:
        return _say(error, USAGE)
    except BuildError as error:
        return _say(error, MACHINE)
    except WasmnbError as error:
        return _say(error, AT_FAULT)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _say(UsageError(f"{error.filename or 'a file'}: {error.strerror or error}"), USAGE)
    sys.stdout.flush()
    return code


def _say(error: WasmnbError, code: int) -> int:
    """Draw an error; source errors with the line that is meant."""
    from wasmnb.view.errors import error_lines

    sys.stdout.flush()
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    print("\n".join(error_lines(error, colour=colour, callers=False)), file=sys.stderr)
    return code
