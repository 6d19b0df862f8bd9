"""The `wasmnb` command, with its argument parser and one module per subcommand.

Subcommands only call the public API of other packages, such as `wasmnb.compiler`. The magics of notebooks are in
`wasmnb.notebook`.

Exit codes: 0 success, 1 an error in the filter or module or a failed test, 2 a wrong command line, 3 an error in the
toolchain or on the machine, 130 interrupted. Errors are printed to stderr as one paragraph without a traceback.

This module imports little, so that `main` can handle Ctrl-C as early as possible.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wasmnb.errors import BuildError, UsageError, WasmnbError

__all__ = ["main"]

OK, AT_FAULT, USAGE, MACHINE, INTERRUPTED = 0, 1, 2, 3, 130

#: Seconds after which a lost interrupt is repeated.
_AGAIN = 0.01


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a `wasmnb` subcommand.

    Parameters
    ----------
    arguments
        The arguments, without the name of the program (default `sys.argv[1:]`).

    Returns
    -------
    int
        The exit code.
    """
    _prepare_streams()
    try:
        with _lost_interrupts_repeated():
            return _guarded(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe has exited, as in `| head`
        _discard_output()
        return OK


@contextmanager
def _lost_interrupts_repeated() -> Iterator[None]:
    """Repeat an interrupt that got lost inside the `with` block.

    Python ignores exceptions, including KeyboardInterrupt, in destructors and in callbacks of weak references.
    """
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs, /) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        # Send a signal, because it also interrupts a system call in which the main thread is blocked.
        again = threading.Timer(_AGAIN, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _guarded(arguments: Sequence[str] | None) -> int:
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        return _report(error, USAGE)
    except BuildError as error:
        return _report(error, MACHINE)
    except WasmnbError as error:
        return _report(error, AT_FAULT)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename is not None:
            return _report(UsageError(f"{error.filename}: {reason}"), USAGE)
        _discard_output()  # an error without a file name was raised by writing to stdout
        return _report(BuildError(f"Can't write the output: {reason}."), MACHINE)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    from .parser import make_parser

    parser = make_parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        parser.print_help(sys.stderr)
        return USAGE
    options = parser.parse_args(arguments)
    code: int = options.command(options)
    return code


def _prepare_streams() -> None:
    """Replace closed standard streams by /dev/null, and make open ones write `?` for characters that they can't encode."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 -- for the process's whole life
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _discard_output() -> None:
    """Redirect stdout to /dev/null, so that the interpreter can flush it on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(error: WasmnbError, code: int) -> int:
    """Print an error with the source line that it refers to, if any, and return `code`."""
    from wasmnb.view.tracebacks.error_lines import error_lines

    if code != MACHINE:
        sys.stdout.flush()
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    print("\n".join(error_lines(error, colour=colour, callers=False)), file=sys.stderr)
    return code
