"""Recording of traffic with Envoy's own tap filters, which are placed before and after all other filters.

Facts (Envoy 1.40): each tap filter writes a file for every stream (`file_per_tap`), `PREFIX_ID` with a suffix for the format. ID is
the stream's, so all files of a stream have the same one. A buffered trace has the headers as they are at the end of the stream, with
the changes of all filters. A streamed trace has the headers as they passed the tap, but no times. Bodies that are larger than
`max_buffered_*_bytes` are truncated and marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..traffic.recorded import RecordedExchange, read_traffic, write_traffic
from ..traffic.recorded.writers import recording_path

__all__ = ["TapRecording"]

#: The number of plugins before a filter, and the filter's configuration.
Placed = tuple[int, dict[str, Any]]

#: Maximum bytes of a body that are recorded.
_BODY = 16 << 20

#: Prefixes of the files from the taps before and after the other filters, and of the files with times and connections.
_CLIENT, _UPSTREAM, _TIMES = "client", "upstream", "times"

#: Suffixes of streamed and buffered traces.
_STREAMED, _BUFFERED = ".pb_length_delimited", ".pb"


class TapRecording:
    """A recording of all traffic of one Envoy.

    Parameters
    ----------
    path
        A `.jsonl` or `.har` file, which is written at the end; or a path without a suffix, a folder for the tap filters' own
        files, which are written while Envoy runs.
    mask
        Whether secrets in the file are replaced with `***` (default True). Files in a folder aren't masked.

    Attributes
    ----------
    path
        The file or folder.
    count
        Number of exchanges in the file.

    Raises
    ------
    UsageError
        The path has another suffix.
    """

    def __init__(self, path: Any, *, mask: bool = True) -> None:
        self.path = recording_path(path, folder=True).absolute()
        self.count = 0
        self._mask = mask
        self._folder: Path | None = None
        self._is_folder = not self.path.suffix

    def filters(self, scratch: Path, plugins: int) -> tuple[list[Placed], list[Placed]]:
        """Return the tap filters before and after the other filters, each with the number of plugins before it.

        Parameters
        ----------
        scratch
            Temporary folder of the Envoy process.
        plugins
            Number of plugins in the chain.

        Raises
        ------
        UsageError
            The folder can't be created.
        """
        self._folder = self.path if self._is_folder else scratch / "taps"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The folder {str(self._folder)!r} can't be used: {error.strerror or error}.") from None
        first = (0, _tap(self._folder / _CLIENT))
        if self._is_folder:
            return [first], []
        times = (0, _tap(self._folder / _TIMES, streamed=False))
        return [first, times], [(plugins, _tap(self._folder / _UPSTREAM))]

    def close(self) -> None:
        """Write the file. Call it after Envoy has ended and before its folder is removed."""
        if self._folder is None or self._is_folder:
            return
        merged = sorted(self._merged(self._folder), key=lambda recorded: recorded.started or 0.0)
        self.count = write_traffic(merged, self.path, mask=self._mask)

    def _merged(self, folder: Path) -> Iterator[RecordedExchange]:
        """Yield the clients' requests with the upstreams' responses, or with the client's response if the upstream sent none."""
        for path in sorted(folder.glob(f"{_CLIENT}_*{_STREAMED}")):
            number = path.name.removeprefix(_CLIENT).removesuffix(_STREAMED)
            client, behind, times = (
                next(iter(read_traffic(file, mask=False)), None) if file.exists() else None
                for file in (path, folder / f"{_UPSTREAM}{number}{_STREAMED}", folder / f"{_TIMES}{number}{_BUFFERED}")
            )
            if client is None:
                continue
            if behind is not None and behind.response is not None:
                client = replace(client, response=behind.response)
            if times is not None:
                client = replace(
                    client, started=times.started, duration=times.duration, connection=times.connection, position=""
                )
            yield client


def _tap(prefix: Path, *, streamed: bool = True) -> dict[str, Any]:
    sink = {
        "format": "PROTO_BINARY_LENGTH_DELIMITED" if streamed else "PROTO_BINARY",
        "file_per_tap": {"path_prefix": str(prefix)},
    }
    limit = _BODY if streamed else 1
    output = {"sinks": [sink], "streaming": streamed, "max_buffered_rx_bytes": limit, "max_buffered_tx_bytes": limit}
    times = {"record_headers_received_time": True, "record_downstream_connection": True}
    return {
        "name": "envoy.filters.http.tap",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap",
            "common_config": {"static_config": {"match": {"any_match": True}, "output_config": output}},
            **({} if streamed else times),
        },
    }
