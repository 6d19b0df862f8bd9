"""The same verbs from a shell: build, run, inspect, runtime, doctor.

Exit codes: 0 all went well; 1 the filter or module is at fault; 2 the command line is; 3 the tool chain or the machine;
130 interrupted. An error is one paragraph on stderr, without a traceback.

Importing this module takes next to nothing, so that Ctrl-C is met by `main` from the first moment on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from wasmnb.errors import BuildError, UsageError, WasmnbError

__all__ = ["main"]

OK, AT_FAULT, USAGE, MACHINE, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code.

    Parameters
    ----------
    arguments
        Words of the command line without the program's name; the process's own if None.
    """
    _prepare_streams()
    try:
        return _guarded(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe left, e.g. `| head`
        _give_up_output()
        return OK


def _guarded(arguments: Sequence[str] | None) -> int:
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        return _say(error, USAGE)
    except BuildError as error:
        return _say(error, MACHINE)
    except WasmnbError as error:
        return _say(error, AT_FAULT)
    except BrokenPipeError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        if error.filename is not None:
            return _say(UsageError(f"{error.filename}: {why}"), USAGE)
        _give_up_output()  # a file that was opened has a name; what has none is, as a rule, where the output goes
        return _say(BuildError(f"Writing failed: {why}."), MACHINE)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    from .parser import make_parser

    parser = make_parser()
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        parser.print_help(sys.stderr)
        return USAGE
    options = parser.parse_args(words)
    code: int = options.command(options)
    return code


def _prepare_streams() -> None:
    """Streams that a shell has closed swallow everything; those that cannot write a character write a question mark."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 -- for the process's whole life
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _give_up_output() -> None:
    """Nobody reads the output any more: let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(error: WasmnbError, code: int) -> int:
    """Draw an error; source errors with the line that is meant."""
    from wasmnb.view.errors.error_lines import error_lines

    if code != MACHINE:
        sys.stdout.flush()
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    print("\n".join(error_lines(error, colour=colour, callers=False)), file=sys.stderr)
    return code
