"""`%wasmtcp`: send bytes through a network filter over a TCP connection."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["TcpMagics"]


@magics_class
class TcpMagics(FilterMagics):
    """The magic `%wasmtcp`."""

    @line_only(
        NAME,
        flag("data", nargs="+", metavar="DATA", help="Bytes with escapes as in Python ('\\r\\n', '\\x00'), or @FILE."),
        flag(
            "--wait",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="Virtual seconds to wait for a response (default 1).",
        ),
        flag(
            "--half-close",
            action="store_true",
            help="Close the client's side after the last bytes, and read to the end.",
        ),
        flag("--worker", type=int, metavar="N", help="Number of the worker that accepts the connection."),
        flag(
            "--cluster",
            default="upstream",
            metavar="NAME",
            help="Cluster that the proxy connects to (default upstream).",
        ),
    )
    def wasmtcp(self, line: str) -> Any:
        r"""Send bytes through a network filter over a TCP connection, and show the connection.

        Each DATA is sent as one chunk. The client sends the next chunk, and finally closes the connection, when no more bytes
        arrive. Examples::

            %wasmtcp sniff 'SSH-2.0-x\r\n'
            %wasmtcp sniff 'EHLO me\r\n' 'QUIT\r\n' --half-close
            %wasmtcp sniff @clienthello.bin --worker 2

        The same in Python: `sniff.connect().send(b"SSH-2.0-x\r\n").read()`, or `wasmnb.traffic.send_bytes(sniff, b"...")`.
        """
        from wasmnb.traffic.tcp import parse_bytes, send_bytes

        options = parse(self.wasmtcp, line, _with_dashes)
        return send_bytes(
            self.proxy(options.name),
            [parse_bytes(text) for text in options.data],
            wait=options.wait,
            half_close=options.half_close,
            worker=options.worker,
            cluster=options.cluster,
        )


def _with_dashes(words: list[str]) -> list[str]:
    """Escape the dash of words such as `-ERR`, which can only be data because all flags of the magic begin with two dashes."""
    return [rf"\x2d{word[1:]}" if word.startswith("-") and not word.startswith("--") else word for word in words]
